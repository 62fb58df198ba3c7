#!/bin/bash
# long
. "$(dirname "$0")/harness.sh"

lab_up --servers 3
messages=10000 # over UDP; a tenth of that over TCP

worker_pid() {
    ip netns pids "$lab-ns1" | while read -r pid; do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = tandem-worker ] && echo "$pid"
    done
}
resident_kb() {
    awk '/^VmRSS/ {print $2}' "/proc/$worker/status"
}
is_answered() {
    [[ $(ask "$ns1") == "NOERROR 192."* ]]
}
all_are_up() {
    [ "$(node_says ns1 servers | grep -c ' up ')" -eq 3 ]
}
# The counts of what it answered and refused that grew: "group.reason grown" a line. Needs
# $work/before and $work/after.
grown() {
    awk '$1 !~ /^dns\./ { next }
        FILENAME == ARGV[1] { before[$1] = $2; next }
        $2 > before[$1] { print substr($1, 5), $2 - before[$1] }' "$work/before" "$work/after"
}
grown_by() {
    awk -v reason="$1" '$1 == reason { n = $2 } END { print n + 0 }' "$work/grown"
}

worker=$(worker_pid)
assert_eventually 5 is_answered
assert_eventually 5 all_are_up
before_kb=$(resident_kb)
node_says ns1 counters >"$work/before"
try_pair run client python3 - "$ns1" "$name" $messages >"$work/told" <<'END' ||
import random, select, socket, struct, sys, time
server, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
dice = random.Random(20260101)
wire = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'

def query(id, flags=0, question=wire + b'\0\1\0\1', counts=(1, 0, 0, 0), rest=b''):
    return struct.pack('>6H', id, flags, *counts) + question + rest

def opt(root=b'\0', version=0, data=b''):
    return root + struct.pack('>HHBBHH', 41, 1232, 0, version, 0, len(data)) + data

# (name, has an answer and its rcode, the counter, how to make one)
FORMERR, NOTIMP, BADVERS, NOTHING = 1, 4, 16, None
kinds = [
    ('short', NOTHING, lambda id: query(id)[:dice.randrange(12)]),
    ('response', NOTHING, lambda id: query(id, flags=0x8000)),
    ('opcode', NOTIMP, lambda id: query(id, flags=dice.randrange(1, 16) << 11)),
    ('counts', FORMERR, lambda id: query(id, counts=(dice.choice([0, 2, 65535]), 0, 0, 0))),
    ('counts', FORMERR, lambda id: query(id, counts=(1, dice.randrange(1, 65536), 0, 0))),
    ('name', FORMERR, lambda id: query(id, question=b'\xc0\x0c\0\1\0\1')),
    ('name', FORMERR, lambda id: query(id, question=b'\x3f' + dice.randbytes(20))),
    ('name', FORMERR, lambda id: query(id, question=5 * (b'\x3f' + 63 * b'a') + b'\0\0\1\0\1')),
    ('name', FORMERR, lambda id: query(id)[:dice.randrange(12, 12 + len(wire))]),
    ('record', FORMERR, lambda id: query(id, counts=(1, 0, 0, 1), rest=opt()[:dice.randrange(11)])),
    ('opt', FORMERR, lambda id: query(id, counts=(1, 0, 0, 2), rest=opt() + opt())),
    ('opt', FORMERR, lambda id: query(id, counts=(1, 0, 0, 1), rest=opt(root=b'\1a\0'))),
    ('opt', FORMERR, lambda id: query(id, counts=(1, 0, 0, 1), rest=opt(data=b'\0\3\xff\xff'))),
    ('trailing-bytes', FORMERR, lambda id: query(id, rest=dice.randbytes(dice.randrange(1, 900)))),
    ('edns-version', BADVERS, lambda id: query(id, counts=(1, 0, 0, 1), rest=opt(version=1))),
]

sent, answered, wrong = {}, 0, []
def judge(kind, rcode, message, answer):
    global answered
    if (answer is None) != (rcode is NOTHING):
        wrong.append((kind, message.hex(), answer and answer.hex()))
    elif answer is not None:
        answered += 1
        flags = answer[2] << 8 | answer[3]
        if answer[:2] != message[:2] or not flags & 0x8000 or flags & 15 != rcode & 15:
            wrong.append((kind, message.hex(), answer.hex()))

# UDP: batches of 20, each answer is found by its id.
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect((server, 53))
for begin in range(0, count, 20):
    batch = {}
    for id in range(begin, begin + 20):
        kind, rcode, make = kinds[id % len(kinds)]
        message = make(id)
        udp.send(message)
        sent[kind] = sent.get(kind, 0) + 1
        batch[id] = [kind, rcode, message, None]
    waiting = {id for id, one in batch.items() if one[1] is not NOTHING}
    until = time.monotonic() + 2
    while waiting and time.monotonic() < until:
        if select.select([udp], [], [], 0.1)[0]:
            answer = udp.recv(4096)
            id = answer[0] << 8 | answer[1]
            if id not in batch:
                wrong.append(('stray', '', answer.hex()))
                continue
            batch[id][3] = answer
            waiting.discard(id)
    for one in batch.values():
        judge(*one)

# TCP: a connection each; what gets no answer ends it.
def ask_tcp(message, length=None):
    with socket.create_connection((server, 53), 5) as one:
        one.settimeout(5)
        one.sendall(struct.pack('>H', len(message) if length is None else length) + message)
        if length is not None:
            one.shutdown(socket.SHUT_WR)
        got = b''
        try:
            while len(got) < 2 or len(got) < 2 + struct.unpack('>H', got[:2])[0]:
                more = one.recv(4096)
                if not more:
                    return None
                got += more
        except ConnectionError:
            return None
        return got[2:]

for i in range(count // 10):
    kind, rcode, make = kinds[i % len(kinds)]
    message = make(i)
    sent[kind] = sent.get(kind, 0) + 1
    judge(kind, rcode, message, ask_tcp(message))
for i in range(100):  # a length that is not kept
    if ask_tcp(dice.randbytes(dice.randrange(200)), 60000) is not None:
        wrong.append(('cut', '', ''))

# Bytes of chance: counted somewhere, whatever they are.
for i in range(count // 2):
    udp.send(dice.randbytes(dice.randrange(1, 1400)))
    if i % 50 == 0:
        time.sleep(0.01)

for one in wrong[:5]:
    print('wrong', *one)
for kind, number in sent.items():
    print('sent', kind, number)
print('answered', answered)
sys.exit(len(wrong) > 0)
END
    fail "$(head -5 "$work/told")"
sleep 0.5
node_says ns1 counters >"$work/after"
grown >"$work/grown"

while read -r _ kind count; do
    counted=$(grown_by "queries_refused.$kind")
    [ "$counted" -ge "$count" ] || fail "$kind: $count sent, $counted counted: $(cat "$work/grown")"
done < <(grep '^sent' "$work/told")
total=$(awk '/^queries_refused/ { sum += $2 } END { print sum }' "$work/grown")
sent=$((messages + messages / 10 + messages / 2))
[ "$total" -ge $((sent * 99 / 100)) ] || fail "$sent sent, $total counted: $(cat "$work/grown")"

[ "$(worker_pid)" = "$worker" ] || fail "the worker is another one"
grown_kb=$(($(resident_kb) - before_kb))
assert_at_most 4096 $grown_kb "resident memory grew by (KB)"
is_answered || fail "a good query got $(ask "$ns1")"
[[ $(pair run client dig +tcp +short +time=2 +tries=1 "@$ns1" "$name") == 192.* ]] ||
    fail "a good query over TCP is not answered"
all_are_up || fail "servers changed: $(pair ctl ns1 servers)"
conclude "$sent malformed messages, $total counted, memory grew by $grown_kb KB"
