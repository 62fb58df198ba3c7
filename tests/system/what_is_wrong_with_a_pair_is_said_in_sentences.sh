#!/bin/bash
# One node after the other is set up wrongly: another document, another key, a dead witness, a bad
# setting of its kernel. status and doctor say so in a sentence, counters count it, and no address
# moves because of it. When it is right again, all is well.
. "$(dirname "$0")/harness.sh"

readonly state=/run/tandem-lab/$lab

shows() { # shows NODE VERB TEXT
    grep -qF -- "$3" <<<"$(node_says "$1" "$2")"
}
is_healthy() { node_says ns1 status >/dev/null && node_says ns1 doctor >/dev/null; }
doctor_ends_with() { # doctor_ends_with STATUS: 1 for a warning, 2 for a failure
    node_says ns1 doctor
    [ $? = "$1" ]
}
are_home() { holds ns1 "$ns1" && holds ns2 "$ns2"; }
restart_ns2() {
    pair kill ns2
    pair heal ns2
}

lab_up --servers 1
assert_eventually 30 is_healthy

cp -p "$state/tandem.yaml" "$work/tandem.yaml"
echo "# a later one" >>"$state/tandem.yaml"
restart_ns2
assert_eventually 15 are_home
assert_eventually 5 shows ns1 status 'the partner ns2 has another document'
assert_eventually 5 shows ns2 status 'the partner ns1 has another document'
assert_eventually 5 shows ns1 doctor "fail  document "
assert_eventually 15 are_home # another document moves no address
cp -p "$work/tandem.yaml" "$state/tandem.yaml"
restart_ns2
assert_eventually 30 is_healthy

cp -p "$state/keys/beat.key" "$work/beat.key"
rm "$state/keys/beat.key"
"$build/tandemctl" keygen "$state/keys/beat.key" >/dev/null
chown --reference="$work/beat.key" "$state/keys/beat.key"
restart_ns2
assert_eventually 5 shows ns1 status 'the partner ns2 has another key (bad-tag)'
assert_eventually 5 shows ns2 status 'the partner ns1 has another key (bad-tag)'
assert_eventually 5 shows ns1 counters guardian.beats.bad-tag
assert_eventually 5 shows ns1 doctor "fail  beats "
holds ns1 "$ns1" || fail "another key moved an address"
holds ns1 "$ns2" || fail "addresses went to a node with another key"
cp -p "$work/beat.key" "$state/keys/beat.key"
restart_ns2
assert_eventually 30 is_healthy

nsenter --net="/run/netns/$lab-ns1" sh -c 'echo 0 >/proc/sys/net/ipv4/conf/lan/arp_ignore'
assert_eventually 5 doctor_ends_with 1
said=$(node_says ns1 doctor)
[[ $said == *"sysctl -w net.ipv4.conf.lan.arp_ignore=1"* ]] || fail "what to do is not said: $said"
nsenter --net="/run/netns/$lab-ns1" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/lan/arp_ignore'

pair kill ns2 --hard
assert_eventually 5 holds ns1 "$ns2"
assert_eventually 5 doctor_ends_with 2
pair heal ns2
assert_eventually 30 is_healthy
echo "another document, another key, a setting and a dead partner are told"
