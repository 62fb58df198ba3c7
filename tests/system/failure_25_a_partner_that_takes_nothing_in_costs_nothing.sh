#!/bin/bash
# Row 25 of the failure catalogue: ns2's worker stands still (its guardian kills it after 3 s), then
# the whole node for 10 s, while agents report to ns1, and orders are given there, that it would
# have to tell.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly servers=10
readonly grown_most_kb=5120

resident_kb() { # of ns1's worker
    worker_of ns1
    awk '$1 == "VmRSS:" { print $2 }' "/proc/$value/status"
}
orders_of() { # NODE: without their ages
    node_says "$1" orders | awk 'NR > 1 { print $1, $2, $3 }' | sort
}
are_equal() {
    [ "$(orders_of ns1)" = "$(orders_of ns2)" ] &&
        [ "$(verdicts_of ns1)" = "$(verdicts_of ns2)" ]
}
verdicts_of() { # NODE
    node_says "$1" servers | awk 'NR > 1 { print $1, $3, $4 }'
}
# give SECONDS: orders on ns1, ten a second.
give() {
    local i
    for ((i = 0; i < 10 * $1; i++)); do
        node_says ns1 weight "media$((1 + i % servers))" $((101 + i)) >/dev/null ||
            fail "an order is refused"
        pause 0.05
    done
}
# measure_equal WHAT: sets equal_ms to how long after now both nodes have the same.
measure_equal() {
    local began
    began=$(now_ms)
    assert_eventually 10 are_equal
    equal_ms=$(($(now_ms) - began))
    assert_at_most 1000 $equal_ms "equal after $1 (ms)"
}

lab_up --servers $servers
sed -i 's/^interval: 1s/interval: 200ms/' "/run/tandem-lab/$lab/agents/"*.yaml
for ((i = 1; i <= servers; i++)); do
    pair kill "media$i" --agent
    pair heal "media$i"
done
watch_addresses
assert_eventually 10 are_equal
sleep 2
before_kb=$(resident_kb)

breaks ns2 --hang
give 10
grown_kb=$(($(resident_kb) - before_kb))
has_told ns2 "worker ns2" "alive -> dead reason=hang" || fail "its guardian lets it hang"
measure_equal "a hang"
hang_ms=$equal_ms
assert_few_lost ns1
node_says ns2 failover reset >/dev/null || fail "the hold cannot be forgotten"
assert_eventually $home_within_s is_home

breaks ns2 --stop
give 10
stopped_kb=$(($(resident_kb) - before_kb))
[ $stopped_kb -le $grown_kb ] || grown_kb=$stopped_kb
pair heal ns2
measure_equal "a stop"
assert_few_lost ns1
[ $grown_kb -lt $grown_most_kb ] || fail "ns1's worker has $grown_kb KB more than before"
conclude "ns1's worker grew by $grown_kb KB; equal $hang_ms ms after a hang, $equal_ms ms" \
    "after a stop of 10 s"
