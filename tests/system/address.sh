#!/bin/bash
# tests/system/address.sh [BUILD] -- leased addresses in a real kernel, in a namespace of their own.
# Exit 0: all held; 1: something did not; 77: not root, or no network namespaces.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build/release}" && pwd) || exit 77
if [ -z "${TANDEM_NAMESPACE:-}" ]; then
    [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null || exit 77
    TANDEM_NAMESPACE=1 exec unshare -n "$0" "$build"
fi

tool=$build/tests/address-tool
failures=0

check() { # CLAIM EXPECTED COMMAND...: what the command prints, spaces squeezed
    local claim=$1 expected=$2 got
    shift 2
    got=$("$@" 2>&1 | tr -s ' \n' '  ' | sed 's/ $//')
    if [ "$got" = "$expected" ]; then
        echo "ok      $claim"
    else
        echo "FAILED  $claim: $got, expected $expected"
        failures=$((failures + 1))
    fi
}

# The address as the kernel has it: prefix, flags, and lifetimes.
shown() { ip -o addr show dev lan to "$1" | grep -o 'inet.*' | tr -d '\134'; }
takes_in() { # an IPv6 address
    [[ $(ip -6 route get "$1" 2>&1) == "local "* ]] && echo yes || echo no
}
routes() { ip -"$1" route show dev lan | grep -v '^fe80\|^ff00'; }
unprivileged() { setpriv --bounding-set -net_admin "$tool" "$@"; }
ms_until_gone() { # ADDRESS: milliseconds from now, at most 9000
    local begin=${EPOCHREALTIME/./}
    while [ -n "$(ip -o addr show dev lan to "$1")" ] &&
        [ $((${EPOCHREALTIME/./} - begin)) -lt 9000000 ]; do
        sleep 0.02
    done
    echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

ip link set lo up
ip link add lan type veth peer name lan-peer
ip link set lan up
ip link set lan-peer up
v4=192.0.2.53
v6=2001:db8:53::53
leased4="inet $v4/32 scope global dynamic noprefixroute lan valid_lft 5sec preferred_lft 5sec"
leased6="inet6 $v6/128 scope global nodad deprecated dynamic noprefixroute"
leased6+=" valid_lft 5sec preferred_lft 0sec"

check "an interface that is there has an index" 1 "$tool" interface lan
check "one that is not is ENODEV" ENODEV "$tool" interface wan
check "IPv4 is leased" 0 "$tool" lease lan $v4 5
check "as a host address for 5 s" "$leased4" shown $v4
check "IPv6 is leased" 0 "$tool" lease lan $v6 5
check "without detection, never a source" "$leased6" shown $v6
check "no IPv4 route comes with it" "" routes 4
check "no IPv6 route comes with it" "" routes 6
check "it is present" 1 "$tool" present $v4
check "so is the IPv6 one" 1 "$tool" present $v6
check "another is not" 0 "$tool" present 192.0.2.5
check "nor one whose bytes begin alike" 0 "$tool" present c000:235::

sleep 2
check "a lease is refreshed" 0 "$tool" lease lan $v4 5
check "to its full length" "$leased4" shown $v4
check "IPv6 too" 0 "$tool" lease lan $v6 5
check "to its full length" "$leased6" shown $v6
check "it is one address still" 1 sh -c "ip -o addr show dev lan to $v4 | wc -l"

for one in $v4 $v6; do
    check "$one is deleted" 0 "$tool" delete lan "$one"
    check "$one is gone" 0 "$tool" present "$one"
    check "deleting $one again is EADDRNOTAVAIL" EADDRNOTAVAIL "$tool" delete lan "$one"
    check "$one is leased for 1 s" 0 "$tool" lease lan "$one" 1
    gone_ms=$(ms_until_gone "$one")
    check "not refreshed, the kernel removes $one in 1.0 to 2.6 s ($gone_ms ms)" yes \
        sh -c "[ $gone_ms -ge 800 ] && [ $gone_ms -le 2700 ] && echo yes"
done

check "without a way nothing is taken in" no takes_in $v6
check "a way to it is opened" 0 "$tool" way lan $v6 1
check "and taken in is what comes" yes takes_in $v6
check "it is opened anew" 0 "$tool" way lan $v6 1
sleep 1.2
check "a second later it is closed by itself" no takes_in $v6
check "it is opened beside an address" 0 "$tool" lease lan $v6 5
check "as it is alone" 0 "$tool" way lan $v6 1
sleep 1.2
check "and its end leaves the address" yes takes_in $v6
check "with the address" 0 "$tool" delete lan $v6
check "it is deleted" no takes_in $v6
check "as it is" 0 "$tool" way lan $v6 5
check "without an address" EADDRNOTAVAIL "$tool" delete lan $v6
check "then, too, nothing is taken in" no takes_in $v6

ip addr add 192.0.2.11/24 dev lan
ip addr add $v4/24 dev lan
ip addr add $v4/32 dev lan
ip addr add $v6/64 dev lan nodad
ip addr add 192.0.2.54/32 dev lo
check "residual IPv4 is removed in each form" 2 "$tool" residual lan $v4
check "residual IPv6 is removed" 1 "$tool" residual lan $v6
check "and nothing is left" 0 "$tool" residual lan $v4
check "another address stays" 1 "$tool" present 192.0.2.11
ip addr add 198.51.100.53/24 dev lan
ip addr add 198.51.100.11/24 dev lan
check "one that would take others along is EBUSY" EBUSY "$tool" residual lan 198.51.100.53
check "and both stay" 1 "$tool" present 198.51.100.11
check "another interface is left alone" 0 "$tool" residual lan 192.0.2.54
check "with what it has" 1 "$tool" present 192.0.2.54

check "without CAP_NET_ADMIN a lease is EPERM" EPERM unprivileged lease lan $v4 1
check "and so is a delete of nothing" EPERM unprivileged delete lan $v4
check "and a way" EPERM unprivileged way lan $v6 1
check "and a look for residuals" EPERM unprivileged residual lan $v6
check "looking needs nothing" 0 unprivileged present $v4
ip link set lan down
check "a lease on a link that is down is granted" 0 "$tool" lease lan $v4 5

[ "$failures" = 0 ] || { echo "address: $failures claims failed"; exit 1; }
echo "address: all held"
