#!/bin/bash
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
breaks ns1 --worker SEGV
assert_taken partner-unfit
dead_ms=$took_ms
assert_few_lost ns2
heals ns1 give-back

breaks ns1 --hang
assert_taken partner-unfit
assert_few_lost ns2
heals ns1 give-back
conclude "replaced $dead_ms ms after its worker's death, $took_ms ms after its worker hung"
