#!/bin/bash
# Some hundred a second of each kind, on the pair's link and on the LAN, as if from the partner.
# alone
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

beats() { # HOST NODE FROM TO SECONDS
    forging "$1" beats "$work/beat.key" "$cluster" "${@:2}"
}

forge_all() { # SECONDS
    beats ns1 0 198.51.100.1 198.51.100.2 "$1"
    beats ns2 1 198.51.100.2 198.51.100.1 "$1"
    beats client 0 192.0.2.201 192.0.2.12 "$1"
    forging client advertisements 53 "$ns1" 192.0.2.11 192.0.2.12 "$1"
    forging client advertisements 54 "$ns2" 192.0.2.12 192.0.2.11 "$1"
    for vrid in 53 54; do # without a fault, but that nothing proves them
        forging client goodbyes $vrid "$ns1" 192.0.2.11 192.0.2.12 "$1"
        forging client goodbyes $vrid "$ns2" 192.0.2.12 192.0.2.11 "$1"
    done
}

lab_up --servers 1
watch_addresses
state=/run/tandem-lab/$lab
cluster=$(sed -n 's/^cluster: *//p' "$state/tandem.yaml")
install -m 600 "$state/keys/beat.key" "$work/beat.key" # a key is read by its owner alone
forge_all 120
assert_still 2
for node in ns1 ns2; do
    assert_counted $node beats bad-size bad-version bad-tag bad-cluster bad-sender bad-field \
        unproven
    assert_counted $node advertisements ttl version type length checksum vrid interval-zero \
        count-zero source unproven # what comes from its own address is dropped by its kernel
done

breaks ns1 --hard
assert_taken 'tripwire|port-refused'
assert_few_lost ns2
kill "${forgers[@]}"
wait "${forgers[@]}"
sent=$(awk '{ n += $1 } END { print n }' "$work/forged")
[ "$sent" -gt 5000 ] || fail "only $sent packets were sent"
heals ns1 give-back
conclude "$sent packets refused; replaced after $took_ms ms"
