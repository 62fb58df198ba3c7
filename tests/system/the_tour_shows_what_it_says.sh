#!/bin/bash
# The demo, without its pauses, from no lab at all to its end.
# long
# with --long
. "$(dirname "$0")/harness.sh"

touch "$work/begun"
TANDEM_DEMO_PAUSE_S=0 "$top/deploy/pair" --lab "$lab" demo >"$work/tour" 2>&1 ||
    fail "the tour broke off: $(tail -3 "$work/tour")"

# It builds first, and what was built stays: other labs run it.
anew=$(find "$build" -maxdepth 1 -type f -name 'tandem*' -newer "$work/begun")
[ -z "$anew" ] || fail "built anew under labs that run: $anew"

# step N: what the tour showed under its sentence N.
step() {
    sed -n "/^$1\. /,/^$(($1 + 1))\. /p" "$work/tour"
}

# shown N TEXT: the step showed it.
shown() {
    grep -q -- "$2" <<<"$(step "$1")" || fail "step $1 does not show '$2': $(step "$1")"
}

shown 1 '192.0.2.53  *ns1  *ns1'
shown 2 'NOERROR 192.0.2.10'
! grep -q "NOERROR $(address_of media1)\$" <<<"$(step 3)" || fail "step 3 names media1"
! grep -q "NOERROR $(address_of media2)\$" <<<"$(step 4 | sed '/heal media2/,$d')" ||
    fail "step 4 names media2"
shown 5 '^ *media3 .* draining '
shown 6 '^ *media1 .* 300 '
shown 7 '192.0.2.53  *ns1  *ns2 .*\(tripwire\|port-refused\)'
shown 7 '192.0.2.53  .* asked, .* lost, 0 failed; by ns2 after [0-9.]* ms'
shown 7 '2001:db8:53::53  .* asked, .* lost, 0 failed; by ns2 after [0-9.]* ms'
shown 7 '192.0.2.54  .* asked,  *[0-9] lost, 0 failed; all by ns2'
shown 7 'address ns1 backup -> active reason=\(tripwire\|port-refused\)'
for address in 192.0.2.53 2001:db8:53::53 192.0.2.54 2001:db8:53::54; do
    shown 8 "$address  .* asked,  *[0-9] lost, 0 failed"
done
shown 8 'address ns1 backup -> active reason=give-back'
shown 8 'ns1  *answering  *fit  *synced'
shown 9 "gruop-size.*group-size"
grep -q '^That was it' "$work/tour" || fail "the tour has no end"
conclude "nine steps, each with what it says"
