#!/bin/bash
# Row 27 of the failure catalogue: for 3 s no announcement of a service address passes the switch,
# while ns1 is killed. The client asks on at the dead node's MAC, as its kernel asks nobody anew;
# soon after the filter's end it is answered by ns2, which goes on announcing.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

filter() {
    nsenter --net="/run/netns/$lab-lan" -- nft -f - <<END
table bridge row27 {
chain forward {
type filter hook forward priority 0;
arp operation request arp saddr ip { $ns1, $ns2 } arp daddr ip { $ns1, $ns2 } counter drop
arp operation reply arp saddr ip { $ns1, $ns2 } ether daddr ff:ff:ff:ff:ff:ff counter drop
icmpv6 type nd-neighbor-advert ip6 daddr ff02::1 counter drop
}
}
END
}

lab_up --servers 1
watch_addresses
filter || fail "the bridge cannot filter announcements"
breaks ns1 --hard
pause 3
[[ $(nsenter --net="/run/netns/$lab-lan" -- nft list table bridge row27) =~ packets\ [1-9] ]] ||
    fail "nothing was announced meanwhile"
nsenter --net="/run/netns/$lab-lan" -- nft delete table bridge row27
ended=$(now_ms)
assert_eventually 10 answered_by ns2 ns2
for address in "$ns1" "$ns1_6"; do
    first_ms ns2 "$address" || fail "$address is not answered"
    took_ms=$value
done
after_ms=$(($(now_ms) - ended))
[ "$took_ms" -le 4300 ] ||
    fail "answered $took_ms ms after the kill; seen $after_ms ms after the end"
conclude "answered $took_ms ms after the kill, 3 s of which nothing was announced"
