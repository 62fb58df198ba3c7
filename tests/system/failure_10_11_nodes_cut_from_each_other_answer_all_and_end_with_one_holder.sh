#!/bin/bash
# Rows 10 and 11 of the failure catalogue: of what the nodes send each other on the service LAN
# advertisements are lost, then ARP and neighbour discovery too, which moves nothing; then all that
# they send each other anywhere. Each reaches its witness and the client all the time.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly alarm='^  advertisements of ns. are not heard, its beats are'

lose() { # RULE...: of what goes through the LAN's switch between the two nodes
    {
        echo 'table bridge row10 {'
        echo 'chain forward {'
        echo 'type filter hook forward priority 0;'
        printf 'iifname . oifname { "ns1" . "ns2", "ns2" . "ns1" } %s counter drop\n' "$@"
        printf '}\n}\n'
    } | nsenter --net="/run/netns/$lab-lan" -- nft -f - || fail "cannot lose $*"
}
lose_no_more() { # sets dropped to the rules by which nothing was lost
    dropped=$(nsenter --net="/run/netns/$lab-lan" -- nft list table bridge row10 |
        grep 'counter packets 0 ')
    nsenter --net="/run/netns/$lab-lan" -- nft delete table bridge row10
}
is_quiet() { # NODE: it sees nothing amiss
    node_says "$1" status >/dev/null
}
# lose_without_a_move WHAT RULE...: for two seconds. Whose witness did not reply for 20 ms is
# unheard (rule 3), as happens on a machine that others use: then what it lost is taken and given
# back, and it is tried again.
lose_without_a_move() {
    local what=$1 try before unheard_before node
    shift
    for try in 1 2 3; do
        before=$(claims) unheard_before=$(claims unheard)
        lose "$@"
        for node in ns1 ns2; do
            assert_status $node "$alarm"
        done
        sleep 2
        lose_no_more
        [ -z "$dropped" ] || fail "nothing was lost by a rule: $dropped"
        for node in ns1 ns2; do
            assert_eventually 5 is_quiet $node
        done
        [ "$(claims)" != "$before" ] || return 0
        [ $(($(claims) - before)) -eq $(($(claims unheard) - unheard_before)) ] || break
        assert_eventually $home_within_s is_home
    done
    fail "without $what addresses move: $(node_says ns2 events)"
}
hold_both() {
    local node
    for node in ns1 ns2; do
        holds $node "$ns1" && holds $node "$ns2" || return
    done
}
hold_one_each() {
    ! holds ns1 "$ns2" && ! holds ns2 "$ns1" && holds ns1 "$ns1" && holds ns2 "$ns2"
}
heard_until_deleted_ms() { # from the partner's first advertisement to the last address given up
    awk -v v4="$ns2" -v v6="$ns2_6" '
        $2 == "advertises" && !heard { heard = $1 }
        $2 == "deletes" && ($3 == v4 || $3 == v6) { deleted = $1; count++ }
        END { print int((deleted - heard + 999) / 1000); exit !heard || count != 2 }' "$work/heard"
}
has_lost() { # MOST: of what was asked of all addresses since t0; sets gone
    gone=0
    for node in ns1 ns2; do
        lost $node
        gone=$((gone + value))
    done
    [ $gone -le "$1" ] || fail "$gone queries were lost: ${told_lines[*]}"
}

lab_up --servers 1
watch_addresses
assert_eventually 10 is_quiet ns1
before=$(moves)
lose_without_a_move advertisements 'ip protocol 112' 'ip6 nexthdr 112'
lose_without_a_move neighbours 'ip protocol 112' 'ip6 nexthdr 112' 'ether type arp' \
    'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }'
assert_few_lost ns1 ns2

before=$(moves)
forget
for path in lan pair; do
    pair cut ns1 ns2 --path $path
done
assert_eventually 5 hold_both
assert_event ns1 "address ns2" "backup -> active reason=silence"
assert_event ns2 "address ns1" "backup -> active reason=silence"
sleep 1
hold_both || fail "not both answer on all addresses: $(node_says ns1 events)"
overhearing ns1 lan
pair join
assert_eventually 5 hold_one_each
healed_ms=$(heard_until_deleted_ms) || fail "ns1 does not hear ns2, or deletes nothing"
assert_at_most 200 "$healed_ms" "one holder each after (ms)"
assert_eventually 5 is_home
for node in ns1 ns2; do
    other=ns$((3 - ${node#ns}))
    has_told $node "address $other" "active -> yielding reason=overlap" ||
        fail "$node does not say that it yields: $(node_says $node events)"
    assert_event $node "address $other" "yielding -> backup reason=moved"
done
[ "$(moves)" = $((before + 6)) ] || fail "moved $(($(moves) - before)) times, not six"
sleep $judged_s
has_lost 30
conclude "cut from each other $gone lost; one holder each $healed_ms ms after they heard each other"
