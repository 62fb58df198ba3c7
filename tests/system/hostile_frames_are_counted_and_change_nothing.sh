#!/bin/bash
. "$(dirname "$0")/harness.sh"

lab_up --servers 3
state=/run/tandem-lab/$lab
cluster=$(sed -n 's/^cluster: *//p' "$state/tandem.yaml")
pair kill media1 --agent >/dev/null # its key now speaks for somebody else
sleep 2.5
worker=$(ip netns pids "$lab-ns1" | while read -r pid; do
    [ "$(cat "/proc/$pid/comm")" = tandem-worker ] && echo "$pid"
done)
resident_kb() { awk '/^VmRSS/ {print $2}' "/proc/$worker/status"; }
counter() {
    pair ctl ns1 --json counters | python3 -c "
import json, sys
def all_of(value):
    for key, one in value.items():
        if isinstance(one, dict):
            yield from all_of(one)
        else:
            yield key, one
print(sum(one for key, one in all_of(json.load(sys.stdin)) if key == '$1'))"
}
before_kb=$(resident_kb)
ask_both A 5
sent=$(pair run media1 "$build/tests/hostile" "$state/keys/media1.key" 192.0.2.11 \
    "$(cat "$state/keys/ns1.public")" "$cluster" media1 media2 500) || fail "hostile: $sent"
stop_asking
for reason in too-many too-deep not-a-map not-owner not-for-agents wrong-cluster; do
    count=$(counter $reason)
    [ "$count" -ge 400 ] || fail "$reason was counted $count times: $(pair ctl ns1 counters)"
done

# An unknown key is refused in the handshake.
"$build/tandemctl" keygen "$work/stranger.key" >/dev/null
! try_pair run media1 "$build/tests/hostile" "$work/stranger.key" 192.0.2.11 \
    "$(cat "$state/keys/ns1.public")" "$cluster" media1 media2 1 >/dev/null 2>&1 ||
    fail "an unknown key was let in"
[ "$(counter refused_keys)" -ge 1 ] || fail "the unknown key was not counted"

kill -0 "$worker" 2>/dev/null || fail "the worker is gone"
grown_kb=$(($(resident_kb) - before_kb))
[ $grown_kb -le 8192 ] || fail "resident memory grew by $grown_kb KB"
! grep -q SERVFAIL "$work/ns1" || fail "ns1 said SERVFAIL meanwhile"
pair ctl ns1 servers | grep -q "media2 .* up " || fail "media2 is not up any more"
lines=$(grep -c '^refuse' "$state/log/ns1")
[ "$lines" -le 400 ] || fail "$lines lines in the log"
grep -q 'suppressed=' "$state/log/ns1" || fail "nothing was summed up in the log"
conclude "$sent hostile frames counted, $lines log lines, memory grew by $grown_kb KB"
