#!/bin/bash
. "$(dirname "$0")/harness.sh"

lab_up --group-size 3
ask_both A 5
read -r listener _ <"/run/tandem-lab/$lab/pid/media2.1755"
since=$(now_us)
kill -KILL "$listener"
sleep 1
stop_asking
assert_last_named 300 media2 "$since"
conclude "last named $last_ms ms after its listener was killed (at most 300)"
