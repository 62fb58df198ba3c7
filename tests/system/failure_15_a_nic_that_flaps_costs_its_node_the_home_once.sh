#!/bin/bash
# Row 15 of the failure catalogue: ns1's port goes down and up twice a second for half a minute,
# then stays up until its home has returned, and goes down again: so the hold has doubled, which is
# told, and can be forgotten.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly flaps=60
readonly claims_most=2 # by the partner, and one more; and for a worker that the machine starved:
readonly excused=3     # taken from it, while the port is up, and back
readonly lost_most_permille=5

flap() { # TIMES: by one process, half a second each
    local i
    for ((i = 0; i < $1; i++)); do
        echo "link set ns1 down"
        pause 0.25
        echo "link set ns1 up"
        pause 0.25
    done | ip -n "$lab-lan" -batch -
}
starvations() {
    cat "/run/tandem-lab/$lab/log/"ns? | grep -c 'gate fit -> unfit reason=thread-silent'
}
# assert_answered: of what was asked of each address since t0; sets worst to the most lost in 1000.
assert_answered() {
    local line asked gone address
    sleep $judged_s
    tell 4 report ns2
    worst=0
    for line in "${told_lines[@]}"; do
        field "$line" address
        address=$value
        field "$line" asked
        asked=$value
        field "$line" lost
        gone=$value
        field "$line" failed
        gone=$(((gone + value) * 1000 / asked))
        [ "$gone" -le $lost_most_permille ] || fail "$gone in 1000 of $address lost: $line"
        [ "$gone" -le "$worst" ] || worst=$gone
    done
}

lab_up --servers 1
watch_addresses
before=$(claims "") starved=$(starvations)
flap $flaps
starved=$(($(starvations) - starved))
taken=$(($(claims "") - before))
assert_answered
[[ $taken -ge 1 && $taken -le $((claims_most + excused * starved)) ]] ||
    fail "claimed $taken times: $(node_says ns2 events)"
answered_by ns2 ns2 || fail "ns2 does not answer all: ${told_lines[*]}"
has_told ns1 "lan ns1" "heard -> isolated reason=no-carrier" ||
    fail "ns1 does not say that its port flaps: $(node_says ns1 events)"
assert_eventually $home_within_s is_home
assert_event ns1 "address ns1" "backup -> active reason=give-back"

# Home for a moment, and lost again.
pair kill ns1 --unplug
assert_eventually 5 answered_by ns2 ns2
pair heal ns1
assert_status ns1 '^  ns1 lost its home soon after its return: .* fit for 10 s; "failover reset"'
node_says ns1 failover reset >/dev/null || fail "the hold cannot be forgotten"
healed=$(now_ms)
assert_eventually $home_within_s is_home
home_ms=$(($(now_ms) - healed))
[ "$home_ms" -lt 9000 ] || fail "home after $home_ms ms, as if nothing had been forgotten"
conclude "$flaps flaps: claimed $taken times, at most $worst in 1000 lost; home" \
    "$home_ms ms after a reset"
