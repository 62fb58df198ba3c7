#!/bin/bash
# Row 21 of the failure catalogue: a host that is neither node has ns1's addresses, and announces
# them once a second, of IPv4 and IPv6. It listens on no port: what it draws to itself is lost.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly thefts=8
readonly lost_most_percent=10 # a theft is answered at once, or 100 ms after the one before
readonly moving='(silence|vacant|goodbye|unheard|tripwire|port-refused)' # not: a busy machine

steal() { # TIMES
    pair run media2 python3 -c '
import socket, sys, time
times, home, home6 = int(sys.argv[1]), *sys.argv[2:]
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("lan", 0))
mac = link.getsockname()[4]
address = socket.inet_aton(home)
arp = b"\xff" * 6 + mac + bytes.fromhex("0806000108000604") + b"\0\1"
arp += mac + address + b"\xff" * 6 + address
neighbour = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
neighbour.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
neighbour.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("lan"))
neighbour.bind((home6, 0)) # an announcement is from whom it is about
told = bytes.fromhex("8800000020000000") + socket.inet_pton(socket.AF_INET6, home6) + b"\2\1" + mac
for _ in range(times):
    link.send(arp)
    neighbour.sendto(told, ("ff02::1", 0))
    time.sleep(1)' "$1" "$ns1" "$ns1_6"
}
names_thief() { # NODE
    [[ $(node_says "$1" status) == *"somebody else ($mac) answers for $ns1: find that host"* ]]
}
names_nobody() {
    [[ $(node_says "$1" status) != *"somebody else"* ]]
}

lab_up --servers 2
mac=$(ip -n "$lab-media2" -o link show lan | sed 's/.*link.ether \([^ ]*\).*/\1/')
watch_addresses
overhearing lan media2
before=$(claims "$moving")
ip -n "$lab-media2" addr add "$ns1/32" dev lan
ip -n "$lab-media2" addr add "$ns1_6/128" dev lan nodad
forget
steal $thefts &
thief=$!
assert_eventually 10 grep -q announces "$work/heard"
assert_eventually 5 names_thief ns1
began_us=$(awk '$2 == "announces" { print $1; exit }' "$work/heard")
told_ms=$(((${EPOCHREALTIME/./} - began_us) / 1000))
assert_at_most 1000 $told_ms "told of after (ms)"
assert_eventually 5 names_thief ns2
grep -q "foreign-owner home=ns1 address=.* mac=$mac .*defends it" \
    "/run/tandem-lab/$lab/log/ns1" ||
    fail "the log of ns1 does not say what it does"
wait $thief || fail "the thief failed"
sleep $judged_s
lost ns1
stolen=$value asked=0
for line in "${told_lines[@]:0:2}"; do
    field "$line" asked
    asked=$((asked + value))
done
announced=$(grep -c announces "$work/heard")
[ "$announced" -ge $((2 * thefts)) ] || fail "the thief announced $announced times only"
[ $((stolen * 100)) -le $((asked * lost_most_percent)) ] || fail "$stolen of $asked were lost"
for address in "$ns1" "$ns1_6"; do
    holds ns1 "$address" || fail "ns1 gave $address up"
done
[ "$(claims "$moving")" = "$before" ] || fail "addresses move: $(node_says ns1 events)"
lost ns2
[ $((value * 100)) -le $asked ] || fail "$value of ns2's were lost"

ip -n "$lab-media2" addr del "$ns1/32" dev lan
ip -n "$lab-media2" addr del "$ns1_6/128" dev lan
for node in ns1 ns2; do
    assert_eventually 10 names_nobody $node
done
forget
assert_few_lost ns1 ns2
conclude "stolen $thefts times, told of after $told_ms ms, $stolen of $asked queries lost"
