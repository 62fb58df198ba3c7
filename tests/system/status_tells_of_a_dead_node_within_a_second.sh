#!/bin/bash
. "$(dirname "$0")/harness.sh"

lab_up --servers 3
assert_eventually 3 try_pair ctl ns1 status
pair kill ns2 --hard
sleep 1.5
for try in 1 2 3; do
    began=$(now_ms)
    try_pair ctl ns1 status >"$work/status"
    status=$?
    took_ms=$(($(now_ms) - began))
    [ $status -eq 2 ] || fail "exit status $status with a node dead, not 2 (try $try)"
    grep -q "^cluster .*: alone (asked on ns1)" "$work/status" || fail "$(head -1 "$work/status")"
    assert_at_most 1000 $took_ms "status took (ms)"
done
pair heal ns2
assert_eventually 20 try_pair ctl ns1 status
conclude "exit status 2 after $took_ms ms, and 0 when the node was back"
