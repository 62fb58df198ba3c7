#!/bin/bash
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

# The local route by which a new IPv6 address answers before the kernel has taken it in.
has_way() {
    [[ $(ip -n "$lab-ns2" -6 route show table local 2001:db8:53::53) == *"proto static"* ]]
}

lab_up --servers 1
watch_addresses
breaks ns1 --hard
assert_taken 'tripwire|port-refused'
has_way || fail "IPv6 waited for the kernel's own work"
assert_few_lost ns2
! node_says ns1 status >/dev/null 2>&1 || fail "ns1 was not killed"
assert_status ns2 'ns1 +NOT HEARD'
assert_eventually 5 holds_none ns1

forget
heals ns1 give-back
assert_few_lost ns1 ns2
! has_way || fail "ns2 gave the address away, and kept the way to it"
assert_event ns2 "address ns1" "yielding -> backup reason=moved"
conclude "replaced after $took_ms ms, and home again, $few lost"
