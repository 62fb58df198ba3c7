#!/bin/bash
# Unplugged it says so itself, on the pair's link; with both paths dropped silently nobody does.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
breaks ns1 --unplug
assert_taken partner-isolated
unplugged_ms=$took_ms
assert_few_lost ns2
forget
heals ns1 give-back
assert_few_lost ns1 ns2

breaks ns1 --drop both
assert_taken 'silence|partner-isolated|unheard' # as the two paths break at once, or nearly
assert_few_lost ns2
forget
heals ns1 # the partner deletes some milliseconds before this one, which listens first, announces
assert_few_lost ns2
conclude "replaced $unplugged_ms ms after it was unplugged, $took_ms ms after its frames vanished"
