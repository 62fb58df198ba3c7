#!/bin/bash
# While ns1's disk does not answer for three seconds, is full, or has become read-only, every query
# is answered, no address moves, verdicts come as ever, and an order says what became of it; what
# the files held they hold after a restart.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

state=/run/tandem-lab/$lab/state/ns1
trap 'status=$?; umount -l "$state" 2>/dev/null; (exit $status); lab_down' EXIT

# says EXIT SENTENCE COMMAND...
says() {
    local exit=$1 sentence=$2 status
    shift 2
    "$@" >"$work/said" 2>&1
    status=$?
    grep -q "$sentence" "$work/said" || fail "not \"$sentence\" but: $(cat "$work/said")"
    [ $status -eq "$exit" ] || fail "exit status $status: $*"
}
moves() { # how often some address was taken, as either node tells it
    for node in ns1 ns2; do
        node_says $node events
    done | grep -c -- '-> active'
}
alarms() { # NODE SENTENCE: among what its status says
    [[ $(node_says "$1" status) == *"$2"* ]]
}
is_home() { # ns1 has its own back
    holds ns1 "$ns1" && ! holds ns2 "$ns1"
}
is_held() {
    grep -q held "$work/held"
}

lab_up --servers 3
pair kill ns1 --plan
truncate -s 4M "$work/disk"
mkfs.ext4 -q -m 0 "$work/disk" || fail "no file system: deploy/install test"
mount -o loop "$work/disk" "$state" || fail "no disk for ns1"
chown --reference="$state/../ns2" "$state"
chmod 700 "$state"
pair heal ns1
for server in media1 media2 media3; do
    assert_eventually 5 verdict_is ns1 $server "up listening"
done
node_says ns1 drain media1 >/dev/null || fail "exit status $? of an order on a sound disk"
asking "$work/asked" --server $ns1 --every 2
assert_eventually 10 is_home
pause 0.3
moved=$(moves)

# It does not answer: the thread that waits for it stands still.
worker=$(pgrep -f "tandem-worker.*/$lab/.*ns1")
"$build/tests/hold-thread" "$worker" disk 3000 >"$work/held" &
assert_eventually 2 is_held
says 111 "in force, but not yet durable" node_says ns1 drain media2
verdict_is ns1 media2 "draining ordered" || fail "an order waits for the disk to be obeyed"
pair kill media3 --port 1755
assert_eventually 1 verdict_is ns1 media3 "down not-listening"
pair heal media3
pause 3
says 0 '^done$' node_says ns1 undrain media2

# It is full.
cat /dev/zero >"$state/filler" 2>/dev/null
sync "$state/filler" # what large pieces leave is filled with small ones
dd if=/dev/zero of="$state/filler" bs=1k oflag=append conv=notrunc 2>/dev/null
for order in drain undrain drain undrain; do
    node_says ns1 $order media2 >/dev/null 2>&1 || break # what was left of the file's last block
done
says 111 "not stored" node_says ns1 drain media2
rm "$state/filler"
says 0 '^done$' node_says ns1 undrain media2

# Its file system gives up, as after an error of the device: from then on it only reads.
sum=$(sha256sum <"$state/orders")
mount -o remount,abort "$state"
says 111 "not stored" node_says ns1 drain media2
touch "$state/file" 2>/dev/null && fail "the disk can still be written"
assert_eventually 3 alarms ns1 "the disk of ns1 refuses what is written (Read-only file system)"

stop_asking
holds ns1 $ns1 || fail "an address moved"
awk '$3 != "NOERROR"' "$work/asked" >"$work/amiss"
[ ! -s "$work/amiss" ] || fail "$(wc -l <"$work/amiss") without an answer: $(head -3 "$work/amiss")"
[ "$(moves)" -eq "$moved" ] || fail "a takeover: $(node_says ns1 events)"
pair kill ns1 --hard
umount -l "$state"
cp "$work/disk" "$work/again" # what is still mounted elsewhere, by another lab, stays read-only
mount -o loop "$work/again" "$state" || fail "ns1's disk is broken"
[ "$(sha256sum <"$state/orders")" = "$sum" ] || fail "what could not be written changed a file"
pair heal ns1
assert_eventually 5 verdict_is ns1 media1 "draining ordered"
assert_eventually 5 verdict_is ns1 media2 "draining ordered" # which ns2 has kept
! alarms ns1 "the disk of" || fail "an alarm that is over: $(node_says ns1 status)"
conclude "$(wc -l <"$work/asked") answers, none missing; an order says it is not yet durable"
