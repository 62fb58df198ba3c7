#!/bin/bash
# tandemctl upgrade on ns1, while its addresses are asked a thousand times a second each: ns2
# answers, ns1's worker is another process, ns1 answers again at once, and every query had its
# answer. With the partner away it is refused, and nothing moves.
. "$(dirname "$0")/harness.sh"

readonly home=(192.0.2.53 2001:db8:53::53)

worker_pid() {
    grep -o 'guardian worker starting -> alive reason=ready pid=[0-9]*' \
        "/run/tandem-lab/$lab/log/ns1" | tail -n 1 | grep -o '[0-9]*$'
}
is_home() { holds ns1 "$ns1" && holds ns2 "$ns2" && ! holds ns1 "$ns2" && ! holds ns2 "$ns1"; }
is_replaced() { is_home && [ "$(worker_pid)" != "$1" ]; }

# A line to the asker; prints the COUNT lines that it answers.
tell() { # tell COUNT LINE...
    local count=$1 line
    shift
    echo "$*" >&"${asker[1]}"
    while [ "$count" -gt 0 ] && read -r -t 10 line <&"${asker[0]}"; do
        echo "$line"
        count=$((count - 1))
    done
}

lab_up --servers 1
assert_eventually 20 is_home
assert_eventually 20 try_pair ctl ns1 status
coproc asker { exec nsenter --net="/run/netns/$lab-client" -- \
    "$build/tests/tandem-outage" "$name" "${home[@]}"; }
asker_pid=$!
sleep 0.5

# How often a node was found wanting by a machine that had no time for it: in such a round others
# than the upgrade move addresses.
faltered() {
    cat "/run/tandem-lab/$lab/log/"{ns1,ns2} | grep -cE 'thread-silent|woke-late|reason=silence'
}
# upgrade_once: 0 when no query was lost, 1 when the machine faltered, 2 when some were lost. Fails
# when more were: an upgrade that breaks before it makes loses tens of them.
upgrade_once() {
    local before faults line
    before=$(worker_pid)
    faults=$(faltered)
    tell 1 begin >/dev/null
    sleep 0.3
    tell 1 mark >/dev/null
    [ "$(try_pair ctl ns1 upgrade)" = "the worker is being replaced; see events" ] || return 1
    assert_eventually 20 is_replaced "$before"
    sleep 1.3
    tell 2 report ns2 >"$work/report"
    [ "$(wc -l <"$work/report")" = 2 ] || fail "no report of both addresses"
    [ "$(faltered)" = "$faults" ] || return 1
    while read -r line; do
        [[ $line =~ \ lost=([0-8])\ failed=0\  ]] || fail "$line"
        [ "${BASH_REMATCH[1]}" = 0 ] || return 2
        [[ $line =~ by=.*ns1: && $line =~ by=.*ns2: ]] || fail "not both have answered: $line"
        [[ $line =~ \ asked=([0-9]+) ]] && asked=$((asked + BASH_REMATCH[1]))
    done <"$work/report"
}

asked=0 clean=0 lossy=0
for _ in $(seq 15); do
    [ $clean -lt 5 ] || break
    assert_eventually 20 is_home
    upgrade_once
    case $? in
    0) clean=$((clean + 1)) ;;
    2) lossy=$((lossy + 1)) ;;
    esac
    [ $lossy -lt 2 ] || fail "in a second round, too, queries were lost: $(cat "$work/report")"
done
[ $clean -gt 0 ] || fail "in none of 15 rounds every query was answered"
pair ctl ns2 events >"$work/events"
grep -q 'ns2: address ns1 backup -> active reason=partner-stopping' "$work/events" ||
    fail "the partner does not say why it took the addresses"
grep -q 'ns1: address ns1 backup -> active reason=upgraded' "$work/events" ||
    fail "the events of ns2 do not tell of the return"
assert_eventually 20 try_pair ctl ns1 status

pair kill ns2 --hard
assert_eventually 5 holds ns1 "$ns2"
before=$(worker_pid)
said=$(try_pair ctl ns1 upgrade 2>&1) && fail "an upgrade without a partner is not refused"
[[ $said == *"the partner could not answer meanwhile"* ]] || fail "it was refused with: $said"
sleep 0.5
[ "$(worker_pid)" = "$before" ] || fail "the refused upgrade replaced the worker"
kill "$asker_pid" 2>/dev/null
echo "$clean upgrades, $asked queries, none lost"
