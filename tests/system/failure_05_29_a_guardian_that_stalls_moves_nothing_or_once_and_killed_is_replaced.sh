#!/bin/bash
# Rows 5 and 29 of the failure catalogue: the guardian alone stands still for 30 ms, which is
# nothing, and for 300, which costs it its home for the hold; then it dies, and its worker, that
# serves as well as before, with it.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly stalls=10
readonly short_ms=30
readonly unheard_ms=36 # a silence is 50 ms, and the last sign may be 10 ms old: then it is none

stand_still() { # MS: sets value to how long it was
    echo "$1" >&"${stall[1]}"
    read -r -t 5 value <&"${stall[0]}" || fail "the guardian cannot be stopped"
}

# A machine that others use may stop it for longer: then all of them are done once more.
stall_shortly() {
    local i before
    before=$(moves) longest_ms=0
    forget
    for ((i = 0; i < stalls; i++)); do
        stand_still $short_ms
        [ "$value" -le "$longest_ms" ] || longest_ms=$value
        pause 0.1
    done
    [ "$longest_ms" -le $unheard_ms ] || return
    [ "$(moves)" = "$before" ] ||
        fail "stalls of $longest_ms ms move addresses: $(node_says ns2 events)"
    assert_few_lost ns1 ns2
}

has_ended() { # PID: whoever inherited it may not have reaped it yet
    ! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}

lab_up --servers 1
watch_addresses
guardian_of ns1
coproc stall { exec "$top/tests/system/stall" "$value"; }
for try in 1 2 3; do
    ! stall_shortly || break
    [ $try -lt 3 ] || fail "this machine cannot stop a process for $short_ms ms: $longest_ms"
    assert_eventually $home_within_s is_home
done

before=$(claims silence)
forget
stand_still 300
assert_taken silence
stalled_ms=$took_ms
has_told ns1 "address ns1" "active -> backup reason=woke-late" ||
    fail "ns1 does not let go as it wakes: $(node_says ns1 events)"
has_told ns1 "loop ns1" "on-time -> late reason=woke-late" ||
    fail "ns1 does not say that it woke late: $(node_says ns1 events)"
sleep 3
answered_by ns2 ns2 || has_told ns1 "address ns1" "backup -> active reason=partner-unfit" ||
    fail "home again before the hold is over: ${told_lines[*]}"
assert_eventually $home_within_s is_home
assert_event ns1 "address ns1" "backup -> active reason=give-back"
[ "$(claims silence)" -eq $((before + 1)) ] || fail "taken more than once: $(node_says ns2 events)"
assert_few_lost ns1 ns2

worker_of ns1
worker=$value
guardian_of ns1
forget
kill -KILL "$value"
assert_taken 'tripwire|port-refused'
assert_eventually 3 holds_none ns1
assert_eventually 3 has_ended "$worker"
assert_few_lost ns2
conclude "$stalls stalls of $short_ms to $longest_ms ms moved nothing; replaced $stalled_ms ms" \
    "after one of 300 began, $took_ms ms after it was killed"
