#!/bin/bash
# Not unplugged but deleted, as by a driver that is loaded anew; another one of its name returns.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
forget
ip -n "$lab-ns1" link del lan || fail "ns1's interface cannot be deleted"
assert_taken 'vacant|partner-isolated|unheard'
assert_few_lost ns2
assert_event ns1 "lan ns1" "heard -> isolated reason=no-carrier"
forget
pair up --as-built >/dev/null
assert_eventually $home_within_s is_home
assert_event ns1 "lan ns1" "isolated -> heard reason=proven"
assert_event ns1 "address ns1" "backup -> active reason=give-back"
assert_few_lost ns1 ns2
conclude "replaced after $took_ms ms, and home again, $few lost"
