#!/bin/bash
# Cut from each other both nodes take orders about the same server. When they hear each other again
# the later one stands on both, and both tell of both.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

is_draining() { # NODE SERVER
    [[ $(node_says "$1" servers) =~ $'\n'"$2 "[^$'\n']*" draining " ]]
}
is_not_draining() {
    ! is_draining "$@"
}
tells() { # NODE OF WHAT: NODE's events have one of the node OF
    [[ $(node_says "$1" events) == *" $2: order media1 $3 reason=ordered"* ]]
}
is_alone() { # NODE: it hears no partner
    [[ $(node_says "$1" status) == *"NOT HEARD"* ]]
}

lab_up --servers 3
for path in lan pair; do
    pair cut ns1 ns2 --path $path
done
for node in ns1 ns2; do
    assert_eventually 10 is_alone $node
done
[[ $(node_says ns1 drain media1) == *"partner will learn"* ]] ||
    fail "it is not said that the partner does not know yet"
for order in drain undrain; do # one more than ns1 took: it stands
    node_says ns2 $order media1 >/dev/null || fail "exit status $? of $order on ns2"
done
is_draining ns1 media1 || fail "ns1 does not obey what it was told"
is_not_draining ns2 media1 || fail "ns2 does not obey what it was told"

healed=$(now_ms)
pair join
for node in ns1 ns2; do
    assert_eventually 5 is_not_draining $node media1
done
took_ms=$(($(now_ms) - healed))
for node in ns1 ns2; do
    assert_eventually 5 tells $node ns1 drain
    assert_eventually 5 tells $node ns2 undrain
done
# And the audit of each has both, in lines of JSON, once also when a node was restarted.
audits() { # NODE OF WHAT
    local line="\"node\":\"$2\",\"who\":\"root@$2\",\"what\":\"$3\",\"subject\":\"media1\""
    [ "$(node_says "$1" audit | grep -c "$line")" -eq 1 ]
}
pair kill ns1 --hard
pair heal ns1
for node in ns1 ns2; do
    assert_eventually 5 audits $node ns1 drain
    assert_eventually 5 audits $node ns2 undrain
done
assert_eventually 5 node_says ns1 status
pause 1
audits ns1 ns2 undrain || fail "a line is there twice"
conclude "one order on both $took_ms ms after they heard each other, and both are told"
