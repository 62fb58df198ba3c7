#!/bin/bash
# Row 16 of the failure catalogue: a worker dies 50 ms after each start. Its partner has the
# addresses as long, and nobody is troubled by announcements; the starts come ever more seldom.
# with --long
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly delays_least="100 200 400 800"
readonly announced_most=60 # of one address: 52 by schedule, and what a move may repeat

# most_announced: how often that address was announced that was announced most.
most_announced() {
    awk '$2 == "announces" { if (++count[$3] > most) most = count[$3] } END { print most + 0 }' \
        "$work/heard"
}

export BRIEF_LIFE=$work/brief
lab_up --servers 1 --worker "$build/tests/tandem-worker-brief"
watch_addresses
sleep 5 # until what both announced at their start is behind
overhearing client lan
before=$(claims "")
touch "$BRIEF_LIFE"
breaks ns1 --worker
assert_taken partner-unfit
assert_status ns2 '^  the addresses of ns1 are held by ns2 \(partner-unfit\)$'
sleep 3
assert_status ns2 '^  the partner ns1 is not heard, and its beats say that it is not fit'
delays=$(sed -n 's/^guardian worker .* -> waiting .* delay_ms=//p' "/run/tandem-lab/$lab/log/ns1")
delays=${delays//$'\n'/ }
[[ $delays == "$delays_least"* ]] || fail "the starts come after $delays ms"
[ "$(wc -w <<<"$delays")" -le 6 ] || fail "too many starts, after $delays ms"
[ "$(claims "")" -eq $((before + 1)) ] ||
    fail "claimed $(($(claims "") - before)) times: $(node_says ns2 events)"
answered_by ns2 ns2 || fail "ns2 does not answer all: ${told_lines[*]}"
announced=$(most_announced)
[ "$announced" -le $announced_most ] || fail "an address was announced $announced times"
assert_few_lost ns2

forget
rm "$BRIEF_LIFE"
assert_eventually $home_within_s is_home
assert_event ns1 "address ns1" "backup -> active reason=give-back"
assert_few_lost ns1 ns2
conclude "replaced after $took_ms ms, started after $delays ms, announced $announced times," \
    "$few lost"
