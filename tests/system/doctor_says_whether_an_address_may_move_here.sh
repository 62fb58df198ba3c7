#!/bin/bash
# The spare address is nobody's, and each node asks the witnesses in its name. doctor says so; and
# when a switch keeps from ns1's port what it does not know; and when somebody has the address.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

says() { # NODE LINE
    grep -qE -- "^$2" <<<"$(node_says "$1" doctor)"
}

lab_up --servers 1
for node in ns1 ns2; do
    assert_eventually 15 says $node 'ok +spare +a witness answers'
    assert_eventually 5 says $node 'ok +confirmed '
done
nsenter --net="/run/netns/$lab-lan" nft -f - <<'END' || fail "no filter in the bridge"
table bridge port_security {
    chain forward {
        type filter hook forward priority 0
        iifname "ns1" arp saddr ip 192.0.2.55 drop
        iifname "ns1" ip6 saddr 2001:db8:53::55 drop
    }
}
END
pair kill ns1 --plan
pair heal ns1
refused_ms=$(measure_ms 45 says ns1 'fail +spare +no witness answers') || fail "$refused_ms"
says ns2 'ok +spare ' || fail "ns2 is refused too: $(node_says ns2 doctor)"
nsenter --net="/run/netns/$lab-lan" nft delete table bridge port_security

ip -n "$lab-media1" addr add 192.0.2.55/32 dev lan
pair kill ns1 --plan
pair heal ns1
taken_ms=$(measure_ms 15 says ns1 'warn +spare +somebody has') || fail "$taken_ms"
conclude "refused is told $refused_ms ms after a start, taken after $taken_ms"
