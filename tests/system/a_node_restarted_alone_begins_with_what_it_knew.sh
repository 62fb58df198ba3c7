#!/bin/bash
# Both nodes die, one returns, and no agent reaches it: it names the servers that were up a moment
# before, says how old that is, and believes no damaged file.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

state=/run/tandem-lab/$lab/state/ns1

is_named() {
    [[ $(ask "$ns1") == "NOERROR 192.0.2.10"* ]]
}
is_kept() { # the file is younger than what all agents said last
    [ -s "$state/warm" ] && [ "$state/warm" -nt "$work/silenced" ]
}

told_age_ms() { # SERVER: how old its report is, as ns1 says
    node_says ns1 --json servers | python3 -c 'import json, sys
servers = json.load(sys.stdin)["servers"]
print(*[s["report"]["age_ms"] for s in servers if s["name"] == sys.argv[1]])' "$1"
}

lab_up --servers 3
for server in media1 media2 media3; do
    assert_eventually 5 verdict_is ns1 $server "up listening"
done
pair kill ns2 --hard
for server in media1 media2 media3; do
    pair kill $server --stop # its listeners too: nothing tells that it lives
done
: >"$work/silenced"
silenced=$(now_ms)
assert_eventually 5 is_kept
pair kill ns1 --hard
began=$(now_ms)
pair heal ns1
assert_eventually 5 is_named
took_ms=$(($(now_ms) - began))
verdict_is ns1 media1 "up listening" || fail "what was said seconds ago is not what it begins with"
least_ms=$(($(now_ms) - silenced)) # the time it was away counts
age_ms=$(told_age_ms media1)
[ "$age_ms" -ge "$least_ms" ] || fail "said $least_ms ms ago at least, and it tells $age_ms ms"

# A byte of it changes: it is not believed, and not lost.
pair kill ns1 --hard
printf 'x' | dd of="$state/warm" bs=1 seek=70 conv=notrunc 2>/dev/null
pair heal ns1
damaged() {
    [ -s "$state/warm.damaged" ]
}
assert_eventually 5 damaged
pair logs ns1 >"$work/log"
grep -q "warm is damaged, it is now warm.damaged" "$work/log" ||
    fail "nobody is told that the file is damaged"
verdict_is ns1 media1 "unknown never-reported" || fail "a damaged file was believed"
conclude "named a server $took_ms ms after its start began, from a report $age_ms ms old"
