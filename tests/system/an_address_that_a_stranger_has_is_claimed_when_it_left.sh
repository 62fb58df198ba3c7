#!/bin/bash
. "$(dirname "$0")/harness.sh"

log() {
    echo "/run/tandem-lab/$lab/log/$1"
}

never() {
    ! "$@"
}

owners() { # NODE: its lines about a stranger with the address of ns1
    grep -c "foreign-owner home=ns1 .*mac=$mac" "$(log "$1")"
}

lab_up --servers 1
pair kill ns1
pair kill ns2
assert_eventually 8 never holds ns1 "$ns1"
assert_eventually 8 never holds ns2 "$ns1"
: >"$(log ns1)"
: >"$(log ns2)"

# A host that says nothing by itself: it has to be asked.
pair run media1 ip addr add "$ns1/32" dev lan
mac=$(pair run media1 ip -o link show lan | sed 's/.*link.ether \([^ ]*\).*/\1/')
"$top/deploy/pair" --lab "$lab" heal ns1 >/dev/null 2>&1
"$top/deploy/pair" --lab "$lab" heal ns2 >/dev/null 2>&1
assert_eventually 10 holds ns2 "$ns2"
said="foreign-owner home=ns1 address=$ns1 mac=$mac interface=lan: take the address from the host"
said="$said with this MAC; this node does not claim it before"
for node in ns1 ns2; do
    assert_eventually 5 grep -q "$said" "$(log $node)"
done
sleep 1.5
for node in ns1 ns2; do
    never holds $node "$ns1" || fail "$node holds $ns1 beside its owner"
    [ "$(owners $node)" = 1 ] || fail "$node told of the owner $(owners $node) times"
done

left=$(now_ms)
pair run media1 ip addr del "$ns1/32" dev lan
assert_eventually 4 holds ns1 "$ns1"
took_ms=$(($(now_ms) - left))
grep -q "home backup -> active reason=\(vacant\|give-back\) home=ns1" "$(log ns1)" ||
    fail "neither claimed as vacant, nor from a partner that was quicker"

# Held once, it is defended: against who asks in its name, too.
pair kill ns1
pair heal ns1
assert_eventually 12 holds ns1 "$ns1"
: >"$(log ns1)"
pair run media1 ip addr add "$ns1/32" dev lan
pair run media1 python3 -c '
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind((sys.argv[1], 0))
one.sendto(b"x", ("192.0.2.77", 9))' "$ns1"
assert_eventually 2 grep -q "mac=$mac .*the pair held it before, and defends it" "$(log ns1)"
holds ns1 "$ns1" || fail "ns1 gave the address up"
conclude "no claim beside a stranger; $took_ms ms after it left the address was claimed"
