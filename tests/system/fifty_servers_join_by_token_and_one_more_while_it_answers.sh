#!/bin/bash
# Fifty servers join by one token as the lab comes up. A 51st is added by one command while both
# nodes are asked all the time: both name it, in both families, and no question is lost.
# alone
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

readonly server=media51

# are_up NODE COUNT: so many servers, all of them up.
are_up() {
    [[ $(node_says "$1" status) == *" $2/$2 "* ]]
}

# first_named FILE ADDRESS: sets at_us to when the first answer there named that.
first_named() {
    read -r _ at_us _ < <(grep -m 1 " $2\$" "$work/$1")
}

lab_up_by_token --servers 50
joined=$(grep -o 'up on both nodes after .*' "$work/up")
for node in ns1 ns2; do
    assert_eventually 5 are_up $node 50
    asking "$work/$node.A" --server ${!node} --every 2
    asking "$work/$node.AAAA" --server ${!node} --every 2 --type AAAA
done
pause 0.3

took_ms=0
began_us=$(now_us)
pair add $server >/dev/null
for node in ns1 ns2; do
    for type in A AAAA; do
        [ $type = A ] && address=$(address_of $server) || address=2001:db8:53::151
        assert_eventually 5 first_named $node.$type "$address"
        ms=$(((at_us - began_us + 999) / 1000))
        [ $ms -le $took_ms ] || took_ms=$ms
    done
    are_up $node 51 || fail "$node: not 51 of 51 servers are up"
done
stop_asking
assert_at_most 2000 $took_ms "named by both (ms)"
cat "$work"/ns[12].* >"$work/all"
awk '$3 != "NOERROR"' "$work/all" >"$work/amiss"
[ ! -s "$work/amiss" ] || fail "$(wc -l <"$work/amiss") without an answer: $(head -3 "$work/amiss")"
conclude "50 $joined; the 51st named by both after $took_ms ms, and none of" \
    "$(wc -l <"$work/all") answers missing"
