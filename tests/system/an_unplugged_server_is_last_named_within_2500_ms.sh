#!/bin/bash
. "$(dirname "$0")/harness.sh"

lab_up --group-size 3
ask_both AAAA 5
address_of() { # of type AAAA here
    echo "2001:db8:53::$((100 + ${1#media}))"
}
since=$(now_us)
pair kill media3 --unplug
sleep 3.5
stop_asking
assert_last_named 2500 media3 "$since"
conclude "last named $last_ms ms after its cable was pulled (at most 2500)"
