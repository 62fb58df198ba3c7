#!/bin/bash
# Three servers, group size 2: with 500 sockets more than the others media1 is not among the two.
. "$(dirname "$0")/harness.sh"

lab_up --servers 3
ask_both A 20
since=$(now_us)
pair load media1 500 >/dev/null
sleep 2
stop_asking
assert_last_named 1200 media1 "$since"
conclude "last named $last_ms ms after the load began (at most 1200)"
