#!/bin/bash
# Row 23 of the failure catalogue: ns1 dies, and comes back with a copy of its state folder from
# before two orders and a document. Nothing of the copy is in force on either node, not even for one
# answer.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

folder=/run/tandem-lab/$lab
kept=$folder/state/ns1

is_synced() { # NODE
    grep -qE "^$1 +answering +fit +synced " <<<"$(node_says "$1" status)"
}
applies() { # SECONDS: a document whose pool has that TTL
    local said
    sed "s/ttl: 5s/ttl: ${1}s/" "$folder/tandem.yaml" >"$work/tandem.yaml"
    cp "$folder/tandem.example.zone" "$work"
    said=$(node_says ns1 apply "$work/tandem.yaml" 2>&1) || fail "exit status $? of apply: $said"
}
served() { # NODE: the number of the revision that it answers by
    node_says "$1" history | awk '/\(served\)/ { print $1 }'
}
restart_ns1() { # COMMAND...: between its death and its return
    pair kill ns1 --hard
    "$@"
    pair heal ns1
    assert_eventually 20 is_synced ns1
}
keep() {
    cp -a "$kept" "$work/old"
}
take_back() {
    rm -r "$kept"
    cp -a "$work/old" "$kept"
}
answers() { # NODE ADDRESS: how many since then named it; "" for whatever they named
    awk -v since="$since" -v address="$2" '
        $2 > since && $3 == "NOERROR" && (address == "" || $4 == address) { n++ }
        END { print n + 0 }' "$work/$1"
}
ttl_of() { # NODE: of an answer from its own address, for ns1's home may be the partner's still
    pair run client dig +noall +answer "@192.0.2.1${1#ns}" "$name" A | awk '{ print $2; exit }'
}

lab_up --servers 3
applies 6
node_says ns1 drain media1 >/dev/null || fail "drain is refused"
restart_ns1 keep
old=$(served ns1)
applies 7
node_says ns2 undrain media1 >/dev/null || fail "undrain is refused"
node_says ns2 drain media2 >/dev/null || fail "drain is refused"
new=$(served ns1)
[ "$new" -gt "$old" ] || fail "revision $new follows $old"
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media2 "draining ordered"
    assert_eventually 5 verdict_is $node media1 "up listening"
done

for node in ns1 ns2; do # on its own address: ns1's home is answered by the partner meanwhile
    asking "$work/$node" --server "192.0.2.1${node#ns}" --every 5 --timeout 200
done
pause 0.3
since=$(now_us)
restart_ns1 take_back
pause 1
stop_asking
for node in ns1 ns2; do
    verdict_is $node media2 "draining ordered" || fail "$node forgot to drain media2"
    verdict_is $node media1 "up listening" || fail "$node drains media1 again"
    [ "$(served $node)" = "$new" ] || fail "$node serves revision $(served $node), not $new"
    [ "$(ttl_of $node)" = 7 ] || fail "$node answers by the document of before"
    [ "$(answers "$node" '')" -gt 50 ] || fail "$node answered $(answers "$node" '') times only"
    [ "$(answers "$node" "$(address_of media2)")" = 0 ] ||
        fail "$node named media2, which is drained"
done
conclude "came back with orders and revision $old of before, and serves what stands: revision $new"
