#!/bin/bash
# Row 14 of the failure catalogue: a node is suspended and resumed, after less than a lease, which
# then still stands in its kernel, and after five seconds, when none does. What it sends, and what
# its kernel holds, is overheard on its own interface.
# with --long
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

# suspend MS: returns when the node is home again; sets gap_ms to how long before its kernel lost
# its address it had said anything for the last time. From then on it says nothing before it has
# taken the address anew, by its right.
suspend() {
    local from took_ms
    from=$(wc -l <"$work/heard")
    forget
    pause 0.1 # in which it says something
    echo "$1" >&"${stall[1]}"
    assert_taken silence
    read -r -t 10 took_ms <&"${stall[0]}" || fail "ns1 cannot be stopped"
    assert_event ns1 "address ns1" "active -> backup reason=woke-late"
    assert_eventually $home_within_s is_home
    assert_event ns1 "address ns1" "backup -> active reason=give-back"
    gap_ms=$(tail -n +$((from + 1)) "$work/heard" | awk -v address="$ns1" '
        $2 == "adds" && $3 == address { is_gone = 0 }
        $2 == "deletes" && $3 == address { deletions++; is_gone = 1; gap = $1 - said }
        $2 ~ /^(advertises|announces)$/ { said = $1; old += is_gone }
        END { print int(gap / 1000); exit deletions != 1 || old }') ||
        fail "after $took_ms ms it speaks as before, or lets go $(grep -v answers "$work/heard" |
            tail -n +$((from + 1)) | grep -A 5 -m 1 deletes)"
    assert_few_lost ns2
}

lab_up --servers 1
watch_addresses
guardian_of ns1
guardian=$value
worker_of ns1
coproc stall { exec "$top/tests/system/stall" "$value" "$guardian"; }
overhearing ns1 lan --own
suspend 600
[ "$gap_ms" -ge 500 ] || fail "said something $gap_ms ms before it let go, frozen for 600"
assert_at_most 700 "$gap_ms" "let go, as it woke, after (ms)"
short_ms=$gap_ms
node_says ns1 failover reset >/dev/null || fail "the hold cannot be forgotten"
suspend 5000
assert_at_most 2700 "$gap_ms" "its kernel let go after (ms)"
conclude "frozen for 600 ms it let go $short_ms ms after it last spoke, its kernel alone after" \
    "$gap_ms"
