#!/bin/bash
# tests/system/sockets.sh [BUILD] -- the guardian's sockets on a wire: two nodes and a client on one
# bridge, each in a network namespace of its own, with no capability but NET_RAW and NET_ADMIN.
# Exit 0: all held; 1: something did not; 77: not root, or no network namespaces.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build/release}" && pwd) || exit 77
if [ -z "${TANDEM_NAMESPACE:-}" ]; then
    [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null || exit 77
    TANDEM_NAMESPACE=1 exec unshare -n "$0" "$build"
fi

tool=$build/tests/sockets-tool
work=$(mktemp -d)
failures=0
declare -A space # the process that keeps the namespace of a host

# shellcheck disable=SC2046 # one word a process
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

check() { # CLAIM COMMAND...: which must succeed; what it prints is shown beside the claim
    local claim=$1 told
    shift
    if told=$("$@" 2>"$work/errors"); then
        echo "ok      $claim$told"
    else
        echo "FAILED  $claim: $*"
        tail -n 3 "$work/errors"
        failures=$((failures + 1))
    fi
}

on() { # HOST COMMAND...
    local host=$1
    shift
    nsenter -t "${space[$host]}" -n "$@"
}

# start NAME HOST WORDS...: the tool there, its lines in $work/NAME.
declare -A process
start() {
    local name=$1 host=$2
    shift 2
    nsenter -t "${space[$host]}" -n setpriv --bounding-set=-all,+net_raw,+net_admin \
        "$tool" "$@" >"$work/$name" 2>&1 &
    process[$name]=$!
}

finish() { # NAME...: each says its figures and ends
    local name
    for name in "$@"; do
        kill -TERM "${process[$name]}"
        wait "${process[$name]}" 2>/dev/null
    done
}

slay() { # NAME
    kill -KILL "${process[$1]}"
    wait "${process[$1]}" 2>/dev/null
}

within() { # MILLISECONDS COMMAND...: true before they are over
    local begin=${EPOCHREALTIME/./} limit=$1
    shift
    until "$@"; do
        [ $((${EPOCHREALTIME/./} - begin)) -lt $((limit * 1000)) ] || return 1
        sleep 0.01
    done
}

says() { # NAME PATTERN: a line of it matches
    grep -qE -- "$2" "$work/$1"
}

silent() { # NAME PATTERN: no line matches; those that do are shown
    ! grep -E -- "$2" "$work/$1" >&2
}

# prompt NAME PATTERN SINCE: such a line came at most 1 s after SINCE, in microseconds.
prompt() {
    local at
    within 2000 says "$1" "$2" || return 1
    at=$(awk -v p="$2" -v since="$3" '$0 ~ p && $1 >= since {print $1; exit}' "$work/$1")
    [ -n "$at" ] && [ $((at - $3)) -le 1000000 ] && echo " ($(((at - $3) / 1000)) ms)"
}

mac() { # HOST
    on "$1" ip -o link show dev lan | grep -o 'ether [^ ]*' | cut -d' ' -f2
}

has_mac() { # HOST ADDRESS MAC: so the host's kernel believes
    on "$1" ip neigh show "$2" dev lan | grep -q "$3"
}

believe() { # HOST ADDRESS MAC
    on "$1" ip neigh replace "$2" lladdr "$3" nud reachable dev lan
}

is_apart() { # HOST: in a namespace of its own by now
    [ "$(readlink "/proc/${space[$1]}/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}

attach() { # HOST LAST-PART: a cable from the bridge to it, and its addresses
    ip link add "port-$1" type veth peer name lan netns "${space[$1]}"
    ip link set "port-$1" master bridge
    ip link set "port-$1" up
    on "$1" ip link set lan up
    on "$1" ip addr add "192.0.2.$2/24" dev lan
    on "$1" ip addr add "2001:db8:53::$2/64" dev lan nodad
}

ip link set lo up
ip link add bridge type bridge mcast_snooping 0
ip link set bridge up
number=11
for host in a b c; do
    unshare -n sleep 600 &
    space[$host]=$!
    within 1000 is_apart "$host"
    on "$host" ip link set lo up
    attach "$host" $((number++))
done
mac_a=$(mac a) mac_b=$(mac b) mac_c=$(mac c)
v4=192.0.2.53
v6=2001:db8:53::53
sleep 2 # for the link-local addresses: duplicate detection

# ---- announcements ----
for address in $v4 $v6; do
    believe c "$address" "$mac_a"
    start announce b announce lan "$address"
    check "an announcement of $address switches a Linux client at once" \
        within 500 has_mac c "$address" "$mac_b" # a reply would be ignored for 1 s
done
check "which does not take the node for a router" sh -c \
    "! nsenter -t ${space[c]} -n ip -6 neigh show $v6 dev lan | grep -q router"

# ---- what neighbours say ----
start asker4 a neighbour lan 192.0.2.11 192.0.2.13
start asker6 a neighbour lan 2001:db8:53::11 2001:db8:53::13
check "a witness replies over IPv4" within 1000 says asker4 "reply 192.0.2.13 192.0.2.11 $mac_c"
check "and over IPv6" within 1000 \
    says asker6 "reply 2001:db8:53::13 2001:db8:53::11 $mac_c"
start announce b announce lan $v4
check "an announcement is heard" within 500 says asker4 "announced $v4 $v4 $mac_b"
start announce b announce lan $v6
check "over IPv6 too" within 500 says asker6 "announced $v6 $v6 $mac_b"
start asker_c c neighbour lan 192.0.2.13 $v4
check "a question is heard" within 1000 says asker4 "who-has 192.0.2.13 $v4 $mac_c"
finish asker4 asker6 asker_c
check "own frames are not heard" sh -c "! grep -q ours $work/asker4 $work/asker6"

# ---- any frame ----
for host in a b c; do
    on $host sysctl -qw net.ipv6.conf.lan.disable_ipv6=1
done
sleep 0.5
start quiet a neighbour lan
sleep 0.4
start nobody b neighbour lan 192.0.2.12 192.0.2.99
sleep 1.5
finish quiet nobody
check "frames of others are noticed" says quiet 'heard ([2-9][0-9]|[1-9][0-9]{2}) of'
check "own frames are none that came" says nobody 'heard [0-3] of [1-9][0-9]'
start flooded a neighbour lan
on c timeout 3 bash -c 'exec 3>/dev/udp/192.0.2.11/9; for i in {1..20000}; do echo >&3; done' \
    2>/dev/null
finish flooded
check "a flood wakes nobody" says flooded 'wakes ([0-9]|[1-9][0-9]) heard'
check "and is noticed" says flooded 'heard [1-9][0-9]* of'
for host in a b c; do
    on $host sysctl -qw net.ipv6.conf.lan.disable_ipv6=0
    on $host ip addr replace "$(on $host ip -o -4 addr show lan | grep -o '192[^/]*' | head -n 1 |
        sed 's/192.0.2./2001:db8:53::/')/64" dev lan nodad
done
sleep 2

# ---- beats ----
for pair in "192.0.2.11 192.0.2.12" "2001:db8:53::11 2001:db8:53::12"; do
    read -r own partner <<<"$pair"
    start beat_b b beat "$partner" "$own" 7353
    sleep 0.3 # a port that is refused before would use up what the kernel sends of such messages
    start beat_a a beat "$own" "$partner" 7353
    check "beats arrive ($own)" within 500 says beat_a 'beat of 4'
    check "on both sides" within 500 says beat_b 'beat of 4'
    on c bash -c "exec 3>/dev/udp/$own/7353; for i in 1 2 3 4 5; do echo beat >&3; done"
    now=${EPOCHREALTIME/./}
    slay beat_b
    check "a killed guardian's port is told within 1 s" prompt beat_a refused "$now"
    finish beat_a
    check "strangers' are counted" says beat_a 'strange 5'
done

# ---- tripwire ----
for pair in "192.0.2.11 192.0.2.12" "2001:db8:53::11 2001:db8:53::12"; do
    read -r own partner <<<"$pair"
    start wire_b b tripwire "$partner" "$own" 7354 dial
    check "a dial to nobody is refused ($own)" within 500 says wire_b refused
    start wire_a a tripwire "$own" "$partner" 7354 listen
    check "the tripwire comes up" within 1500 says wire_a up
    check "on both sides" within 500 says wire_b up
    check "a stranger does not get in" sh -c \
        "! timeout 0.3 nsenter -t ${space[c]} -n bash -c 'exec 3<>/dev/tcp/$own/7354'"
    now=${EPOCHREALTIME/./}
    slay wire_b
    check "it breaks within 1 s of a SIGKILL" prompt wire_a 'closed|reset' "$now"
    start wire_b b tripwire "$partner" "$own" 7354 dial
    within 1500 says wire_b up
    check "and comes up again" within 500 sh -c "[ \$(grep -c up $work/wire_a) = 2 ]"
    start wire_new b tripwire "$partner" "$own" 7354 dial
    check "a newer connection replaces the older" within 1500 says wire_b closed
    finish wire_new
    within 1500 sh -c "tail -n 1 $work/wire_b | grep -q up"
    now=${EPOCHREALTIME/./}
    slay wire_a
    check "the listener's death is told too" prompt wire_b 'closed|reset|refused' "$now"
    finish wire_b
done

# ---- VRRP ----
local_a=$(on a ip -o -6 addr show dev lan scope link | grep -o 'fe80[^/]*')
vrrp() { # CLAIM PATTERN OWN-A OWN-B WORDS...: what b hears of a
    local claim=$1 pattern=$2
    start vrrp_b b vrrp lan "$4" "$3"
    start vrrp_a a vrrp lan "$3" "${@:5}"
    check "$claim" within 1000 says vrrp_b "$pattern"
    finish vrrp_a vrrp_b
    check "and none of its own comes back" sh -c \
        "! grep -q '^[0-9]* $3 to' $work/vrrp_a && ! grep -q '^[0-9]* $local_a to' $work/vrrp_a"
}
vrrp "IPv4 unicast arrives with TTL 255" \
    "192.0.2.11 to 192.0.2.12 ttl 255 unicast advertisement" 192.0.2.11 192.0.2.12 192.0.2.12
vrrp "IPv4 multicast does" \
    "192.0.2.11 to 224.0.0.18 ttl 255 multicast advertisement" 192.0.2.11 192.0.2.12 group
vrrp "IPv6 unicast does, from the configured address" \
    "2001:db8:53::11 to 2001:db8:53::12 ttl 255 unicast advertisement" \
    2001:db8:53::11 2001:db8:53::12 2001:db8:53::12 2001:db8:53::11
vrrp "IPv6 multicast does, from the link-local address" \
    "$local_a to ff02::12 ttl 255 multicast advertisement" 2001:db8:53::11 2001:db8:53::12 group
start vrrp_b b vrrp lan 192.0.2.12 192.0.2.11
sleep 0.2
on a python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 254)
s.sendto(b"forwarded", ("192.0.2.12", 0))'
check "a lower TTL is told as it is" within 500 \
    says vrrp_b "192.0.2.11 to 192.0.2.12 ttl 254 unicast forwarded"
finish vrrp_b

# ---- the interface and its addresses ----
watched=192.0.2.54
start watch a watch lan $v4 $v6 $watched
check "the carrier is told at the first reading" within 500 says watch 'carrier up'
within 1000 sh -c "nsenter -t ${space[a]} -n ip -o addr show lan | grep -q $v6"
sleep 0.7
check "own leases and refreshes are no news" silent watch 'strange|missing'
for address in $v4/32 $v6/128; do
    now=${EPOCHREALTIME/./}
    on a ip addr del "$address" dev lan
    check "an address deleted by hand is told within 1 s" \
        prompt watch "missing ${address%/*}" "$now"
done
now=${EPOCHREALTIME/./}
on a ip addr add $watched/32 dev lan
check "one added by hand too" prompt watch "strange $watched" "$now"
now=${EPOCHREALTIME/./}
ip link set port-a down
check "and a carrier that is lost" prompt watch 'carrier down' "$now"
now=${EPOCHREALTIME/./}
ip link set port-a up
check "and one that returns" prompt watch 'carrier up' "$now"
now=${EPOCHREALTIME/./}
ip link del port-a
check "an interface that vanishes is told" prompt watch gone "$now"
now=${EPOCHREALTIME/./}
attach a 11
check "and one that returns" prompt watch returned "$now"
within 1000 sh -c "nsenter -t ${space[a]} -n ip -o addr show lan | grep -q $v4"

# More news than fit: stopped meanwhile, it lists everything again.
kill -STOP "${process[watch]}"
for i in {0..15}; do
    for j in {1..250}; do echo "addr add 10.9.$i.$j/32 dev lo"; done
done >"$work/batch"
on a ip -batch "$work/batch"
on a ip addr del $v4/32 dev lan
sed 's/add 10/del 10/' "$work/batch" >"$work/unbatch"
on a ip -batch "$work/unbatch"
now=${EPOCHREALTIME/./}
kill -CONT "${process[watch]}"
sleep 0.5
check "it holds what it held" on a sh -c "ip -o addr show lan | grep -q $v4"
finish watch
check "news that were lost are made up for by a listing" says watch 'resyncs [1-9]'
check "own deletions are no news" sh -c "! tail -n 2 $work/watch | grep -q missing"

# ---- refusals ----
unable() {
    nsenter -t "${space[a]}" -n setpriv --bounding-set=-net_raw "$tool" "$@" >"$work/unable" 2>&1
}
unable announce lan $v4
check "without CAP_NET_RAW a sentence says so" says unable 'CAP_NET_RAW'
unable vrrp lan 192.0.2.11 192.0.2.12
check "for VRRP too" says unable 'CAP_NET_RAW'
on a "$tool" announce wan $v4 >"$work/unable"
check "an interface that is not there is named" says unable 'on wan cannot .*nodes.NAME.interface'
on a "$tool" announce lo $v4 >"$work/unable"
check "so is one that is not Ethernet" says unable 'only Ethernet'
start first a tripwire 192.0.2.11 192.0.2.12 7354 listen
sleep 0.3
on a "$tool" tripwire 192.0.2.11 192.0.2.12 7354 listen >"$work/unable"
check "and a port that is taken" says unable 'another tandemd'
finish first
start first a beat 192.0.2.11 192.0.2.12 7353
sleep 0.3
on a "$tool" beat 192.0.2.11 192.0.2.12 7353 >"$work/unable"
check "of UDP too" says unable 'another tandemd'
finish first

[ "$failures" = 0 ] || { echo "sockets: $failures claims failed"; exit 1; }
echo "sockets: all held"
