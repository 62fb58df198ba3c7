#!/bin/bash
. "$(dirname "$0")/harness.sh"

log() {
    echo "/run/tandem-lab/$lab/log/$1"
}

holds_home() { # NODE NUMBER: all three addresses of the home of that number
    [ "$(pair run "$1" ip -o addr show dev lan |
        grep -cE " (192\.0\.2\.|2001:db8:53::|fe80::)$2/")" = 3 ]
}

# shellcheck disable=SC2317 # assert_eventually asks
lacks_all() { # NODE
    ! grep -qE "(\.|::)5[34]/" <<<"$(pair run "$1" ip -o addr show dev lan)"
}

each_at_home() {
    holds_home ns1 53 && holds_home ns2 54
}

# advertise SECONDS VRID: as a router that knows nothing of the pair, to the group.
advertise() {
    pair run media1 python3 -c '
import socket, struct, sys, time
def summed(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
head = struct.pack("!BBBBHH", 0x31, int(sys.argv[2]), 250, 1, 10, 0)
address = socket.inet_aton("192.0.2.99")
packet = head[:6] + struct.pack("!H", summed(head + address)) + address
one = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    one.sendto(packet, ("224.0.0.18", 0))
    time.sleep(0.02)' "$1" "$2"
}

lab_up --servers 1
pair kill ns1
pair kill ns2
assert_eventually 10 lacks_all ns1
assert_eventually 10 lacks_all ns2
sed -i -e 's/^    pair: 198.51.100.1$/&\n    link-local: "fe80::53"/' \
    -e 's/^    pair: 198.51.100.2$/&\n    link-local: "fe80::54"/' \
    -e 's/^replication:.*/&\nfailover: {multicast: true}/' "/run/tandem-lab/$lab/tandem.yaml"
# A residual of an earlier life, in a form of somebody's own.
pair run ns1 ip addr add fe80::54/64 dev lan nodad
: >"$(log ns1)"
pair heal ns1
pair heal ns2
assert_eventually 20 each_at_home
grep -q "present -> absent reason=residual address=fe80::54" "$(log ns1)" ||
    fail "a residual link-local address was left"

# The advertisements alone: without beats rule 4 would hold, so they were heard.
pair cut ns1 ns2 --path pair
sleep 1.5
each_at_home || fail "an address moved though advertisements were there"
pair join ns1 ns2
sleep 1

# Somebody deletes one: it is there again.
pair run ns1 ip addr del fe80::53/128 dev lan
assert_eventually 2 holds_home ns1 53

advertise 3 53
advertise 1 99
said="reason=foreign-vrid home=ns1 vrid=53 source=192.0.2.101 interface=lan"
said="$said: VRID 53 is also used by 192.0.2.101: choose another vrid"
[ "$(grep -c "$said" "$(log ns2)")" = 1 ] ||
    fail "a foreign VRID is not told of once"
! grep -q "vrid=99" "$(log ns2)" || fail "VRID 99 is nobody's here, but it is told of"
each_at_home || fail "an address moved by a stranger's advertisement"

began=$(now_ms)
pair kill ns1 --hard
assert_eventually 5 holds_home ns2 53
took_ms=$(($(now_ms) - began))
assert_eventually 4 lacks_all ns1
conclude "killed: three addresses taken after $took_ms ms; a stranger with our VRID told of once"
