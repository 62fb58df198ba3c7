#!/bin/bash
# Row 27 of the failure catalogue, for good: a switch keeps the address that ns2 took from its port,
# as port security does. status says so, and what it may be, until it lets it pass.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

readonly sentence="no witness answers to a service address that ns2 holds"

alarms() {
    [[ $(node_says ns2 status) == *"$sentence"* ]]
}
is_quiet() {
    ! alarms
}

lab_up --servers 1
nsenter --net="/run/netns/$lab-lan" nft -f - <<'END' || fail "no filter in the bridge"
table bridge port_security {
    chain forward {
        type filter hook forward priority 0
        oifname "ns2" arp daddr ip 192.0.2.53 drop
        iifname "ns2" arp saddr ip 192.0.2.53 drop
        oifname "ns2" ip6 daddr 2001:db8:53::53 drop
        iifname "ns2" ip6 saddr 2001:db8:53::53 drop
    }
}
END
pair kill ns1 --hard
assert_eventually 5 holds ns2 "$ns1"
took_ms=$(measure_ms 15 alarms) || fail "$took_ms"
nsenter --net="/run/netns/$lab-lan" nft delete table bridge port_security
quiet_ms=$(measure_ms 5 is_quiet) || fail "$quiet_ms"
conclude "told $took_ms ms after it took the address, and no more $quiet_ms ms after it passes"
