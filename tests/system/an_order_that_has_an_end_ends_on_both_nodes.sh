#!/bin/bash
# An order is in force on both nodes, says who gave it, why and until when, and ends by itself,
# also when the node that took it is dead by then.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

# order_of NODE SUBJECT: what it lists as in force.
order_of() {
    node_says "$1" orders | awk -v subject="$2" '$1 == subject { print $2 }'
}
says_order() { # NODE SUBJECT ORDER: "" for none
    [ "$(order_of "$1" "$2")" = "$3" ]
}

lab_up --servers 3
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media2 "up listening"
done
node_says ns1 force media2 down --for 4s --because "its disk" >/dev/null ||
    fail "exit status $? of an order"
for node in ns1 ns2; do
    assert_eventually 2 says_order $node media2 force-down
    assert_eventually 2 verdict_is $node media2 "down forced"
done
line=$(node_says ns2 orders | grep '^media2')
[[ $line =~ root@ns1.*[0-4].[0-9]s.*its\ disk$ ]] ||
    fail "who, why and until when is not said: $line"
for node in ns1 ns2; do
    assert_eventually 8 says_order $node media2 ""
    assert_eventually 2 verdict_is $node media2 "up listening"
done

# The partner ends what a dead node cannot.
node_says ns1 drain media3 --for 3s >/dev/null
node_says ns1 weight media1 50 --because "half of it is rented" >/dev/null
assert_eventually 2 says_order ns2 media3 drain
assert_eventually 2 says_order ns2 media1 weight-50
pair kill ns1 --hard
assert_eventually 12 says_order ns2 media3 ""
says_order ns2 media1 weight-50 || fail "an order without end has ended"
pair heal ns1
assert_eventually 5 says_order ns1 media1 weight-50
assert_eventually 5 says_order ns1 media3 ""

for wrong in "drain media9" "force media1 sideways" "weight media1 0" "drain media1 --for soon"; do
    # shellcheck disable=SC2086 # words
    ! node_says ns1 $wrong >"$work/refused" 2>&1 || fail "done: $wrong"
    [ -s "$work/refused" ] || fail "refused without a sentence: $wrong"
done
conclude "forced, drained and weighed on both, ended by the one that took it or by the other"
