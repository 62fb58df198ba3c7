#!/bin/bash
# Row 9 of the failure catalogue: the pair's link alone is cut, for longer than the ten seconds
# after which each node asks the other's DNS, for beats are silent and advertisements are not.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

doctor_says() { # NODE PATTERN
    grep -qE -- "$2" <<<"$(node_says "$1" doctor)"
}
is_draining() { # NODE
    [[ $(node_says "$1" servers) =~ $'\n'"media1 "[^$'\n']*" draining " ]]
}

lab_up --servers 2
watch_addresses
before=$(moves)
forget
pair cut ns1 ns2 --path pair
for node in ns1 ns2; do
    assert_eventually 5 doctor_says $node '^fail +beats +none of ns. is heard'
    assert_eventually 5 doctor_says $node '^fail +records +none of ns. comes in'
    assert_eventually 5 doctor_says $node '^ok +advertisements +those of ns. are heard'
    assert_status $node '^  the partner ns. is not heard'
    assert_event $node 'partner ns.' 'heard -> silent reason=no-message'
done
# Whose advertisements are heard holds, and is to be looked for on the link.
said=$(node_says ns1 status)
[[ $said != *NOBODY* && $said != *unserved* ]] || fail "what is answered is told as unserved: $said"
[[ $said == *"not heard, but its advertisements are: look at the pair link"* ]] ||
    fail "where to look is not said: $said"
[[ $(node_says ns1 drain media1) == *"partner will learn"* ]] || fail "the link is not cut"
sleep 10
is_draining ns1 || fail "ns1 does not obey the order that it took"
! is_draining ns2 || fail "the order came by another way: the link is not cut"
[ "$(moves)" = "$before" ] || fail "addresses move: $(node_says ns1 events)"
is_home || fail "not answered by the one that is home: ${told_lines[*]}"

joined=$(now_ms)
pair join
assert_eventually 10 is_draining ns2
learned_ms=$(($(now_ms) - joined))
assert_at_most 1000 $learned_ms "caught up after (ms)"
for node in ns1 ns2; do
    assert_eventually 5 doctor_says $node '^ok +beats '
    assert_event $node 'partner ns.' 'silent -> heard reason=greeted'
done
[ "$(moves)" = "$before" ] || fail "addresses move when it is whole again: $(node_says ns1 events)"
assert_few_lost ns1 ns2
conclude "nothing moved, $few lost; an order given meanwhile was known $learned_ms ms after"
