#!/bin/bash
# Frozen in a control group, and by SIGSTOP. Leases end within 2.6 s; whoever wakes lets go at once.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
for how in --freeze --stop; do
    breaks ns1 $how
    assert_taken silence
    assert_eventually 5 holds_none ns1
    assert_few_lost ns2
    forget
    heals ns1 give-back
    [[ $(node_says ns1 events) == *"ns1: address ns1 active -> backup reason=woke-late"* ]] ||
        fail "ns1 does not say that it woke late: $(node_says ns1 events)"
    assert_few_lost ns1 ns2
done
conclude "replaced after $took_ms ms, no address left, home again, $few lost"
