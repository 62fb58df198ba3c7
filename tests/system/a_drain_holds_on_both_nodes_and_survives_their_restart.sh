#!/bin/bash
. "$(dirname "$0")/harness.sh"

lab_up --group-size 3
ask_both A 5
since=$(now_us)
node_says ns1 drain media2 >/dev/null
sleep 0.7
stop_asking
assert_last_named 200 media2 "$since"

pair kill ns1 --hard
pair kill ns2 --hard
pair heal ns1
pair heal ns2
ask_both A 5
sleep 2
stop_asking
for node in ns1 ns2; do
    ! grep -q "NOERROR $(address_of media2)\$" "$work/$node" || fail "$node forgot the drain"
done
pair ctl ns2 undrain media2 >/dev/null
asking "$work/again" --server "$ns1" --every 5
assert_eventually 2 grep -q "NOERROR $(address_of media2)\$" "$work/again"
conclude "last named $last_ms ms after the order (at most 200), and both remembered it"
