#!/bin/bash
. "$(dirname "$0")/harness.sh"

lab_up --group-size 3
pair cut media1 ns1
sleep 3
ask_both A 5
since=$(now_us)
pair kill media1 --port 1755 --hard
sleep 1
stop_asking
assert_last_named 500 media1 "$since"
direct_ms=$(last_named_ms "$work/ns2" "$(address_of media1)" "$since")
relayed_ms=$(last_named_ms "$work/ns1" "$(address_of media1)" "$since")
assert_at_most 200 $((relayed_ms - direct_ms)) "ns1 learned after ns2 by (ms)"
conclude "ns1 knew $((relayed_ms - direct_ms)) ms after ns2 (at most 200)"
