#!/bin/bash
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
breaks ns1 --drop in
assert_taken 'partner-isolated|unheard'
deaf_ms=$took_ms
assert_few_lost ns2
forget
heals ns1
assert_few_lost ns1 ns2

breaks ns1 --drop out
assert_taken 'silence|partner-isolated|unheard'
assert_few_lost ns2
forget
heals ns1
assert_few_lost ns1 ns2
mute_ms=$took_ms

# Mute, and its kernel says so of each frame: a queue so small that nothing fits.
forget
tc -n "$lab-ns1" qdisc replace dev lan root tbf rate 8kbit burst 20 limit 1 || fail "no queue"
assert_taken 'silence|partner-isolated|unheard'
assert_status ns1 'ns1 is isolated: its kernel sends nothing to the LAN \(no-send\)'
assert_few_lost ns2
tc -n "$lab-ns1" qdisc del dev lan root
forget
heals ns1
assert_few_lost ns1 ns2
conclude "replaced $deaf_ms ms after it was deaf, $mute_ms and $took_ms ms after it was mute"
