#!/bin/bash
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
breaks ns1 --hard
assert_taken 'tripwire|port-refused'
assert_few_lost ns2
! node_says ns1 status >/dev/null 2>&1 || fail "ns1 was not killed"
assert_status ns2 'ns1 +NOT HEARD'
assert_eventually 5 holds_none ns1

forget
heals ns1 give-back
assert_few_lost ns1 ns2
assert_event ns2 "address ns1" "yielding -> backup reason=moved"
conclude "replaced after $took_ms ms, and home again, $few lost"
