#!/bin/bash
# Its server is healthy: until the last report is stale, media1 keeps its turn in the group. On a
# machine so busy that its agent is not back by then, it is tried again.
# alone
. "$(dirname "$0")/harness.sh"

stale() { # how often a node has said that its report is too old
    cat "/run/tandem-lab/$lab/log/"ns? | grep -c "verdict media1 pool=stream up -> stale"
}

lab_up --group-size 3
for try in 1 2 3; do
    before=$(stale)
    ask_both A 5
    pair kill media1 --agent
    pair heal media1
    sleep 1
    stop_asking
    [ "$(stale)" != "$before" ] || break
    [ $try -lt 3 ] || fail "the report of an agent restarted within a second is stale each time"
done
for node in ns1 ns2; do
    gap_ms=$(awk -v address="$(address_of media1)" '
        $4 == address { gap = $2 - last; if (last && gap > most) most = gap; last = $2 }
        END { print int(most / 1000) }' "$work/$node")
    assert_at_most 250 "$gap_ms" "$node did not name media1 for (ms)"
    grep -v NOERROR "$work/$node" && fail "$node did not answer all"
done
conclude "media1 was named all the while (longest gap $gap_ms ms)"
