#!/bin/bash
# Cut from each other both nodes put documents in force. When they hear each other again that of the
# node promoted last stands on both; the other's is set aside, with its files, and an alarm says so
# until the next apply. A revision's number never goes back. What one node alone went on with is
# taken by the other, without an alarm.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

folder=/run/tandem-lab/$lab

applies() { # NODE ARGS...
    local said
    said=$(node_says "$@" 2>&1) || fail "exit status $? of $*: $said"
}
served() { # NODE: the number of the revision that it answers by
    node_says "$1" history | awk '/\(served\)/ { print $1 }'
}
ttl_is() { # NODE TTL: on its own address, for in a split both hold both homes
    local own=192.0.2.1${1#ns}
    [[ $(pair run client dig +noall +answer @"$own" "$name" A | awk '{ print $2; exit }') == "$2" ]]
}
knows_partner() { # NODE WORD
    [[ $(node_says "$1" history) == *"the partner: $2"* ]]
}
split() {
    local path node
    for path in lan pair; do
        pair cut ns1 ns2 --path $path
    done
    for node in ns1 ns2; do
        assert_eventually 10 knows_partner $node silent
    done
}
with_ttl() { # TTL: a document
    sed "s/ttl: 5s/ttl: ${1}s/" "$folder/tandem.yaml" >"$work/ttl$1.yaml"
    cp "$folder/tandem.example.zone" "$work"
    echo "$work/ttl$1.yaml"
}

lab_up --servers 2
assert_eventually 5 verdict_is ns1 media1 "up listening"
applies ns1 apply "$(with_ttl 6)"
split
applies ns1 apply "$(with_ttl 7)" --alone
applies ns1 apply "$(with_ttl 8)" --alone
applies ns2 promote
applies ns2 apply "$(with_ttl 9)" --alone
ttl_is ns1 8 || fail "ns1 does not answer by what was applied on it"
ttl_is ns2 9 || fail "ns2 does not answer by what was applied on it"
before=$(served ns1)
healed=$(now_ms)
pair join
for node in ns1 ns2; do
    assert_eventually 10 ttl_is $node 9
done
took_ms=$(($(now_ms) - healed))
for node in ns1 ns2; do
    assert_eventually 5 knows_partner $node equal
    [ "$(served $node)" -gt "$before" ] || fail "a number went back: $(served $node), $before"
done
[[ $(node_says ns1 status) == *"revision $before of ns1 differed"* ]] || fail "there is no alarm"
grep -q 'ttl: 8s' "$folder/state/ns1/set-aside-$before/ttl8.yaml" || fail "it is not set aside"
applies ns2 apply "$(with_ttl 10)"
[[ $(node_says ns1 status) != *"differed"* ]] || fail "the alarm outlives the next apply"

split
applies ns2 apply "$(with_ttl 11)" --alone
pair join
assert_eventually 10 ttl_is ns1 11
[[ $(node_says ns1 status) != *"differed"* ]] || fail "an alarm about what only went on"
conclude "one document on both $took_ms ms after they heard each other"
