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
conclude "replaced $deaf_ms ms after it was deaf, $took_ms ms after it was mute"
