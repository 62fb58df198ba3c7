#!/bin/bash
# tandem-notify runs a command for what happens to ns2: in order, again when it fails or hangs, and
# never after it was well; what happened while it did not run it tells when it does.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

# The command: it fails the first time it is told of an address, and hangs the first time it is told
# of the partner, with a child that outlives it.
cat >"$work/command" <<'END'
#!/bin/bash
told="$TANDEM_ID $TANDEM_AREA $TANDEM_SUBJECT $TANDEM_FROM $TANDEM_TO $TANDEM_REASON"
echo "$TANDEM_TRY $told" >>"${0%/*}/tried"
case $TANDEM_AREA$TANDEM_TRY in
address1) exit 3 ;;
partner1) sleep 1000 & sleep 1000 ;;
esac
echo "$told" >>"${0%/*}/told"
END
chmod +x "$work/command"
touch "$work/told" "$work/tried"

notify() {
    "$build/tandem-notify" --command "$work/command" --socket "/run/tandem-lab/$lab/run/ns2.sock" \
        --state "$work/state" --timeout 1 2>>"$work/log" &
    notifier=$!
}
stop_notify() {
    kill $notifier
    wait $notifier || fail "exit status $?: $(cat "$work/log")"
}
told() { # its event as told, without the id
    cut -d ' ' -f 2- "$work/told" | grep -qE "^$1\$"
}

lab_up --servers 1
notify
assert_eventually 5 test -s "$work/state"
[ ! -s "$work/tried" ] || fail "what happened before its first start is told: $(cat "$work/tried")"
pair kill ns1 --hard
assert_eventually 10 told "address ns1 backup active (tripwire|port-refused)"
assert_eventually 10 told "partner ns1 heard silent no-message"
grep -q "^1 .* address ns1" "$work/tried" || fail "it has not failed: $(cat "$work/tried")"
grep -q "^1 .* partner ns1" "$work/tried" || fail "it has not hung: $(cat "$work/tried")"
! pgrep -f "^sleep 1000\$" >/dev/null || fail "what it started is left"
stop_notify

pair heal ns1
assert_eventually 15 holds ns1 $ns1
notify
assert_eventually 10 told "address ns1 yielding backup moved"
stop_notify
cp "$work/told" "$work/before"
notify
pause 1.5
cmp -s "$work/told" "$work/before" || fail "told again: $(diff "$work/before" "$work/told")"
[ -z "$(cut -d ' ' -f 1 "$work/told" | sort | uniq -d)" ] || fail "twice: $(cat "$work/told")"
sort -c -t - -k 3,3n <(cut -d ' ' -f 1 "$work/told") || fail "out of order: $(cat "$work/told")"

pair kill ns2 --hard
assert_eventually 15 told "node ns2 answering silent no-answer"
stop_notify
conclude "$(wc -l <"$work/told") events, each told once, by $(wc -l <"$work/tried") runs"
