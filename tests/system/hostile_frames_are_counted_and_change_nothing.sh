#!/bin/bash
# long
. "$(dirname "$0")/harness.sh"

lab_up --servers 3
state=/run/tandem-lab/$lab
cluster=$(sed -n 's/^cluster: *//p' "$state/tandem.yaml")
frames=300 # of each kind
pair kill media1 --agent >/dev/null # its key now speaks for somebody else
sleep 2.5

worker_pid() {
    ip netns pids "$lab-ns1" | while read -r pid; do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = tandem-worker ] && echo "$pid"
    done
}
resident_kb() {
    awk '/^VmRSS/ {print $2}' "/proc/$worker/status"
}
# counter NAME: its count on ns1, in whatever group it stands.
counter() {
    node_says ns1 counters | awk -v name="$1" '$1 ~ "\\." name "$" { n += $2 } END { print n + 0 }'
}
has_counted() {
    [ "$(counter "$1")" -ge "$2" ]
}
# assert_counted NAME LEAST
assert_counted() {
    local until=$((SECONDS + 5))
    until has_counted "$1" "$2"; do
        [ $SECONDS -lt $until ] || fail "$1: not $2 counted: $(node_says ns1 counters)"
        pause 0.1
    done
}
# Each server and its verdict: not its load.
servers() {
    node_says ns1 servers | awk 'NR > 1 { print $1, $2, $3 }'
}
hostile() { # KEY-FILE FRAMES
    try_pair run media1 "$build/tests/hostile" "$1" 192.0.2.11 "$(cat "$state/keys/ns1.public")" \
        "$cluster" media1 media2 "$2"
}

worker=$(worker_pid)
before_kb=$(resident_kb)
before_servers=$(servers)
[ -n "$before_servers" ] || fail "ns1 tells of no server"
ask_both A 5
hostile_s=$SECONDS
install -m 600 "$state/keys/media1.key" "$work/media1.key" # a key is read by its owner alone
sent=$(hostile "$work/media1.key" $frames) || fail "hostile: $sent"
hostile_s=$((SECONDS - hostile_s)) # 10 lines of a reason in each second that this touches

# Chance, three bombs and a greeting that was cut off; where its cut leaves a count with fewer bytes
# than elements, that is too-many.
assert_counted malformed $((5 * frames))
assert_counted truncated $((frames / 4))
for reason in too-deep too-many not-a-map not-owner wrong-cluster oversized_frames; do
    assert_counted $reason $frames
done
for reason in not-for-agents odd_frames; do
    assert_counted $reason $((2 * frames))
done
assert_counted ended_connections 1 # at the frames of 256 KiB

# An unknown key is refused in the handshake.
"$build/tandemctl" keygen "$work/stranger.key" >/dev/null
! hostile "$work/stranger.key" 1 >/dev/null 2>&1 || fail "an unknown key was let in"
assert_counted refused_keys 1

# What is not ZeroMQ's protocol at all, and a handshake whose first message is of chance.
ended=$(counter ended_connections)
pair run media1 python3 - 192.0.2.11 <<'END'
import random, socket, sys
dice = random.Random(20260101)
greeting = b'\xff' + bytes(8) + b'\x7f\x03\x00CURVE' + bytes(47) + b'\x04\xc8\x05HELLO'
for i in range(300):
    with socket.create_connection((sys.argv[1], 7353), 5) as one:
        try:
            noise = dice.randbytes(1 + dice.randrange(2000))
            one.sendall((greeting if i % 3 == 0 else b'') + noise)
            one.shutdown(socket.SHUT_WR)
            while one.recv(4096):
                pass
        except TimeoutError:
            raise
        except OSError:
            pass  # the node was quicker
END
assert_counted ended_connections $((ended + 250))
assert_counted failed_handshakes 50
stop_asking

[ "$(worker_pid)" = "$worker" ] || fail "the worker is another one"
grown_kb=$(($(resident_kb) - before_kb))
assert_at_most 8192 $grown_kb "resident memory grew by (KB)"
! grep -q SERVFAIL "$work/ns1" || fail "ns1 said SERVFAIL meanwhile"
[ "$(servers)" = "$before_servers" ] || fail "servers were: $before_servers, are: $(servers)"
[ "$(ask "$ns1" | cut -d ' ' -f 1)" = NOERROR ] || fail "ns1 answers no more: $(ask "$ns1")"

sleep 1.2 # the last sum is due
log=$state/log/ns1
lines=$(grep -c '^refuse' "$log")
most=$(sed -n 's/^refuse.* reason=\([a-z-]*\).*/\1/p' "$log" | sort | uniq -c |
    awk '$1 > most { most = $1 } END { print most }')
assert_at_most $((10 * (hostile_s + 2))) "$most" "lines for one reason in $hostile_s s"
assert_at_most $((sent / 5)) "$lines" "log lines for $sent frames"
for reason in too-deep not-owner not-for-agents wrong-cluster; do
    grep -q "reason=$reason suppressed=[1-9]" "$log" || fail "$reason was not summed up in the log"
done
for reason in odd-frame oversized-frame unknown-key failed-handshake; do
    grep -q "reason=$reason count=[1-9]" "$log" || fail "$reason is not in the log"
done
conclude "$sent hostile frames counted, $lines log lines, memory grew by $grown_kb KB"
