#!/bin/bash
# Row 13 of the failure catalogue: the wall clock of a node that runs jumps an hour ahead, back, an
# hour behind, and back. Only its own: tests/system/clock_jump.c stands between it and the kernel.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

jump_to() { # SECONDS, beside the kernel's clock
    python3 -c 'import struct, sys
open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2])))' "$work/shift" "$1"
}
# jump FROM TO: nothing moves. On a machine so busy that a worker does not run for a moment, it
# jumps once more.
jump() {
    local try before
    for try in 1 2 3 4 5; do
        assert_eventually $home_within_s is_home
        before=$(moves)
        forget
        jump_to "$2"
        sleep 1
        if [ "$(moves)" = "$before" ]; then
            assert_few_lost ns1 ns2
            return
        fi
        jump_to "$1"
    done
    fail "a jump of the clock moves addresses: $(node_says ns1 events)"
}
assert_offset() { # NODE PATTERN
    assert_eventually 5 offset_is "$@"
}
offset_is() {
    grep -qE -- "^[a-z]+ +clock +$2" <<<"$(node_says "$1" doctor)"
}
has_ended() { # NODE SERVER: no order of it is in force there
    ! grep -q "^$2 " <<<"$(node_says "$1" orders)"
}
is_draining() { # NODE
    [[ $(node_says "$1" orders) =~ $'\n'"media1 "+"drain " ]]
}
audits() { # NODE PATTERN
    grep -q -- "$2" <<<"$(node_says "$1" audit)"
}
assert_verdict() { # SERVER WORDS: soon, on both
    assert_eventually 5 verdict_is ns1 "$@"
    assert_eventually 5 verdict_is ns2 "$@"
}

assert_judged() { # verdicts go on
    pair kill media2 --port 1755
    assert_verdict media2 "down not-listening"
    pair heal media2
    assert_verdict media2 "up listening"
}

lab_up --servers 2
printf '\0\0\0\0\0\0\0\0' >"$work/shift"
chmod 644 "$work/shift"
pair kill ns1 --hard
LD_PRELOAD=$build/tests/libclock-jump.so CLOCK_JUMP=$work/shift pair heal ns1
watch_addresses
assert_offset ns2 'that of ns1 is .0\.. s'
node_says ns2 drain media1 --for 3h >/dev/null
node_says ns2 weight media2 50 --for 5m >/dev/null

jump 0 3600
assert_offset ns1 'that of ns2 is -3600\.. s from this node.s: let both follow NTP'
assert_offset ns2 'that of ns1 is \+3600\.. s from this node.s: let both follow NTP'
assert_judged
# An order's end is an instant of the wall clock: for a node an hour ahead it has come. Both go by
# it, and the audit says on whose word.
for node in ns1 ns2; do
    assert_eventually 5 has_ended $node media2
    is_draining $node || fail "$node forgot an order whose time is not over"
    assert_eventually 5 audits $node '"node":"ns1",.*"media2","because":"its time was over"'
done
jump 3600 0
jump 0 -3600
assert_offset ns2 'that of ns1 is -3600\.. s'
assert_judged
jump -3600 0
assert_offset ns1 'that of ns2 is .0\.. s'
for node in ns1 ns2; do
    is_draining $node || fail "$node forgot an order whose time is not over"
done
conclude "an hour ahead, back, an hour behind, and back: nothing moved, $few lost"
