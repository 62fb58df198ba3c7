#!/bin/bash
# Each at once, without the hold that a node which lost its home must wait.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
for node in ns1 ns2; do
    pair kill $node --hard
done
for node in ns1 ns2; do
    assert_eventually 5 holds_none $node
done
pair heal
home_ms=$(measure_ms $home_within_s is_home) || fail "$home_ms"
assert_at_most 800 "$home_ms" "home is at home after (ms)"
for node in ns1 ns2; do
    # Not for the last: who was first may have taken both homes, and both stood for a moment.
    assert_eventually 5 has_told $node "address $node" \
        "backup -> active reason=(vacant|partner-unsynced|give-back)"
done
conclude "home $home_ms ms after both were started"
