#!/bin/bash
# And until then says SERVFAIL: it never answers from an empty pool while its partner lives.
. "$(dirname "$0")/harness.sh"

lab_up --servers 3
pair ctl ns2 drain media1 >/dev/null
pair kill ns1 --hard
# On its own address: its home is answered by the partner meanwhile.
asking "$work/ns1" --server 192.0.2.11 --every 2 --timeout 200
sleep 0.3
pair heal ns1
# What the lab's shell does before it is not the node's: the kernel knows when the process began, in
# the clock of the answers.
read -r _ began <"/run/tandem-lab/$lab/pid/ns1"
since=$((began * 1000000 / $(getconf CLK_TCK)))
assert_eventually 3 grep -q NOERROR "$work/ns1"
sleep 1
stop_asking
first_ms=$(awk -v since="$since" '$3 == "NOERROR" { print int(($2 - since) / 1000); exit }' \
    "$work/ns1")
assert_at_most 500 "$first_ms" "first answer after (ms)"
! grep -q "NOERROR $(address_of media1)\$" "$work/ns1" || fail "a drained server was named"
! grep -q 'NOERROR -$' "$work/ns1" || fail "an empty answer was given"
awk '$3 == "NOERROR" { seen = 1 } seen && $3 != "NOERROR" { exit 1 }' \
    <(sort -n "$work/ns1") ||
    fail "it answered, and then did not"
conclude "first answer $first_ms ms after its start (at most 500)," \
    "$(grep -c SERVFAIL "$work/ns1") times SERVFAIL before"
