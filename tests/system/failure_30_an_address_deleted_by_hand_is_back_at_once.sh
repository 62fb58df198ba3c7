#!/bin/bash
# Row 30 of the failure catalogue: somebody deletes a service address while it is held, six times
# within a minute: it is back and announced before a client notices, nothing moves, and it is told.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly times=6

# longest_away_ms: between an address deleted and its return to the kernel; fails when one did not.
longest_away_ms() {
    awk -v times=$times '
        $2 == "deletes" { away[$3] = $1; count++ }
        $2 == "adds" && away[$3] { ms = ($1 - away[$3]) / 1000; away[$3] = 0
                                   if (ms > longest) longest = ms }
        END { for (address in away) if (away[address]) exit 1
              printf "%d", longest + 0.999; exit count != 2 * times }' "$work/heard"
}

lab_up --servers 1
watch_addresses
overhearing ns1 lan --own
before=$(moves)
forget
for ((i = 0; i < times; i++)); do
    ip -n "$lab-ns1" -batch - <<END || fail "ns1 does not hold its addresses"
addr del $ns1/32 dev lan
addr del $ns1_6/128 dev lan
END
    pause 0.3
done
away_ms=$(longest_away_ms) || fail "not deleted, or not back: $(grep -v advertises "$work/heard")"
assert_at_most 10 "$away_ms" "an address was away for (ms)"
announced=$(awk -v v4="$ns1" '$2 == "deletes" && $3 == v4 { is_away = 1 }
    $2 == "announces" && $3 == v4 && is_away { is_away = 0; n++ } END { print n + 0 }' \
    "$work/heard")
[ "$announced" -eq $times ] || fail "announced after $announced of $times deletions"
[ "$(moves)" = "$before" ] || fail "addresses move: $(node_says ns1 events)"
has_told ns1 "address ns1" "active -> active reason=deleted" ||
    fail "it is not told: $(node_says ns1 events)"
assert_status ns1 '^  something on ns1 deletes its service addresses again and again'
assert_few_lost ns1 ns2
conclude "deleted $times times, back within $away_ms ms, $few lost"
