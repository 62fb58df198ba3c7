#!/bin/bash
# A stop and the return; a handover, which outlives the hold, and the order to go back.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
breaks ns1 --plan
assert_taken partner-stopping
heals ns1 give-back
assert_few_lost ns1 ns2

forget
node_says ns1 handover >/dev/null || fail "handover is refused"
assert_taken handover
sleep 6
answered_by ns2 ns2 || fail "what was handed over went home by itself: ${told_lines[*]}"
node_says ns1 handover --back >/dev/null || fail "handover --back is refused"
assert_eventually $home_within_s is_home
assert_event ns1 "address ns1" "backup -> active reason=handover"
assert_few_lost ns1 ns2
conclude "$few lost of four times 500 a second"
