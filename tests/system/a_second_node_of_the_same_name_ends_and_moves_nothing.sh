#!/bin/bash
# ns2 is started as ns1, as by a unit that was copied with its NODE: it says what is wrong and ends.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

lab_up --servers 1
watch_addresses
pair kill ns2 --plan
assert_eventually 5 answered_by ns1 ns1
programs=$build
[ ! -d "/var/lib/tandem-lab/$lab" ] || programs=/var/lib/tandem-lab/$lab
forget
timeout 20 nsenter --net="/run/netns/$lab-ns2" -- "$programs/tandemd" --node ns1 \
    --config "/run/tandem-lab/$lab/tandem.yaml" --worker "$programs/tandem-worker" \
    >"$work/said" 2>&1
status=$?
[ $status -eq 111 ] || fail "exit status $status, not 111: $(cat "$work/said")"
grep -q '192.0.2.11.*give this machine that address first' "$work/said" ||
    fail "it does not say what to do: $(cat "$work/said")"
answered_by ns1 ns1 || fail "others answer: ${told_lines[*]}"
assert_few_lost ns1 ns2
heals ns2 give-back
conclude "exit status 111 with a sentence, and $few lost"
