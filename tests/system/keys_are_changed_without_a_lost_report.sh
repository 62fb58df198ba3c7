#!/bin/bash
# An agent's key, both nodes' keys and the beat key are changed for others, as replication/README.md
# and failover/README.md say, while a client asks: no server is ever anything but up, no report is
# missed, no address moves but by what was ordered. Then the old keys are good for nothing; and no
# secret, old or new, is in any log, status, state or error.
# long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

readonly state=/run/tandem-lab/$lab
readonly keys=$state/keys document=$state/tandem.yaml
readonly lost_most=4      # of some thousands, on a busy machine: as in takeover
readonly lost_a_fault=150 # more for each time that it had none for a node: 300 ms

# new_key NAME: another secret key, NAME.next, for the same user; prints the public one.
new_key() {
    "$build/tandem-agent" key "$keys/$1.next" && chown tandem: "$keys/$1.next"
}
# edit NAME KEY [KEY] -- FILE...: of that node or server, in a document or agents' files.
edit() {
    python3 - "$@" <<'END' || fail "no key to change: $*"
import re, sys

at = sys.argv.index("--")
name, *keys = sys.argv[1:at]
quoted = [f'"{key}"' for key in keys]
value = quoted[0] if len(keys) == 1 else "[" + ", ".join(quoted) + "]"
key = r'"[^"]*"'
for path in sys.argv[at + 1:]:
    text = open(path).read()
    text, count = re.subn(rf"(?ms)^(  {name}:.*?\bkey: )(?:{key}|\[{key}, {key}\])",
                          lambda found: found.group(1) + value, text, count=1)
    if count != 1:
        sys.exit(1)
    open(path, "w").write(text)
END
}
reload() {
    local node
    for node in ns1 ns2; do
        said=$(node_says $node reload) || fail "exit status $? of reload: $said"
        [[ $said != *restart* ]] || fail "$node: $said"
    done
}
# restart_agent SERVER: as its unit does: it ends, and another begins at once.
end_agent() {
    local pid line
    read -r pid _ <"$state/pid/$1.agent"
    kill "$pid"
    while { read -r line <"/proc/$pid/stat"; } 2>/dev/null && [[ ${line##*) } != Z* ]]; do
        pause 0.01
    done
}
restart_agent() {
    end_agent "$1"
    ip netns exec "$lab-$1" setpriv --reuid tandem --regid tandem --clear-groups --no-new-privs \
        --inh-caps=-all --bounding-set=-all "$programs/tandem-agent" \
        --config "$state/agents/$1.yaml" >>"$state/log/$1.agent" 2>&1 &
    echo $! - >"$state/pid/$1.agent"
    disown $!
}
worker_of() { # the number of its present life
    grep -c 'guardian worker starting -> alive' "$state/log/$1"
}
is_replaced() { # NODE LIVES
    [ "$(worker_of "$1")" -gt "$2" ]
}
# is_whole: both nodes hear each other, and are fit and synced.
is_whole() {
    local node
    for node in ns1 ns2; do
        [ "$(node_says "$node" status |
            grep -cE '^ns[12] +answering +fit +synced ')" = 2 ] || return
    done
}
is_home() {
    holds ns1 "$ns1" && holds ns2 "$ns2"
}
upgrade() {
    local lives
    lives=$(worker_of "$1")
    node_says "$1" upgrade >/dev/null || fail "exit status $? of upgrade"
    assert_eventually 20 is_replaced "$1" "$lives"
    assert_eventually 20 is_whole
    assert_eventually 20 is_home
}
restart() { # systemctl restart tandem
    pair kill "$1" --plan
    pair heal "$1"
    assert_eventually 20 is_whole
}
counter() { # NODE NAME
    node_says "$1" counters | awk -v name="$2" '$1 == name { print $2; found = 1 }
        END { if (!found) print 0 }'
}
is_above() { # NODE NAME COUNT
    [ "$(counter "$1" "$2")" -gt "$3" ]
}
logs() { # FILE PATTERN
    grep -qE "$2" "$1"
}

# What both nodes say of the servers, each 50 ms.
watch='
import json, socket, sys, time

while True:
    for node in ("ns1", "ns2"):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(1)
                s.connect(f"{sys.argv[1]}/{node}.sock")
                s.sendall(b"{\"command\": \"servers\"}\n")
                text = b""
                while part := s.recv(65536):
                    text += part
            for server in json.loads(text)["servers"]:
                pool, report = server["pools"][0], server["report"]
                print(int(time.monotonic() * 1000), node, server["name"], pool["verdict"],
                      pool["reason"], report["age_ms"] if report else -1)
        except (OSError, ValueError):
            print(int(time.monotonic() * 1000), node, "-", "-", "-", -1)
    print("turn", flush=True)
    time.sleep(0.05)
'
# What was seen: who was up stays so, on both nodes, but where a node is just beginning; and those
# of the document have, on one node at the least, a report that is not stale.
judge='
import sys

turns, worst, was_up, ages = 0, 0, set(), {}
for line in open(sys.argv[1]):
    if line != "turn\n":
        ms, node, server, verdict, reason, age = line.split()
        if server == "-":
            was_up = {seen for seen in was_up if seen[0] != node}
        elif verdict == "up":
            was_up.add((node, server))
            ages.setdefault(server, []).append(int(age))
        elif reason != "never-reported" or (node, server) in was_up:
            sys.exit(f"{server} is {verdict} for {node}: {reason}, its report {age} ms old")
        continue
    turns += 1
    if not {"media1", "media2", "media3"} <= ages.keys():
        sys.exit(f"in turn {turns} only {list(ages)} are up on a node")
    worst = max(worst, *(min(of) for of in ages.values()))
    ages = {}
if turns < 100 or worst >= 2000:
    sys.exit(f"{turns} looks, a report was {worst} ms old")
print(worst)
'

lab_up --servers 3
programs=/var/lib/tandem-lab/$lab # unless user tandem can execute those of the build
[ -d "$programs" ] || programs=$build
for server in media1 media2 media3; do
    for node in ns1 ns2; do
        assert_eventually 10 verdict_is $node $server "up listening"
    done
done
assert_eventually 20 is_whole
assert_eventually 20 is_home
for one in ns1 ns2 media1 beat; do
    cp -p "$keys/$one.key" "$keys/$one.old"
done
declare -A old next
lines=()
for one in ns1 ns2 media1; do
    old[$one]=$(<"$keys/$one.public")
    next[$one]=$(new_key $one) || fail "no new key"
done
next[beat]=$(new_key beat)
asking "$work/ns1.asked" --server $ns1 --every 2
asking "$work/ns2.asked" --server $ns2 --every 2
python3 -c "$watch" "$state/run" >"$work/watched" &
pause 0.5
for node in ns1 ns2; do
    lines[${node#ns}]=$(wc -l <"$state/log/$node")
done

# ---- an agent's ----
edit media1 "${old[media1]}" "${next[media1]}" -- "$document"
reload
sed -i "s|^key: .*|key: $keys/media1.next|" "$state/agents/media1.yaml"
restart_agent media1
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media1 "up listening"
done
edit media1 "${next[media1]}" -- "$document"
reload

# ---- the nodes' ----
for node in ns1 ns2; do
    edit $node "${old[$node]}" "${next[$node]}" -- "$document" "$state/agents/"media[123].yaml
done
reload
for server in media1 media2 media3; do
    restart_agent $server
done
# A server that joins meanwhile is told both.
ip netns exec "$lab-media3" ip addr add 192.0.2.109/24 dev lan
token=$(node_says ns1 token --pool stream --uses 1 --prefix 192.0.2.96/27 --for 8s) ||
    fail "no token: $token"
join=(ip netns exec "$lab-media3" "$build/tandem-agent" join "$token" --name media9
    --address 192.0.2.109 --config "$work/media9.yaml" --key "$work/media9.key")
old[media9]=$("$build/tandem-agent" key "$work/media9.key")
chmod 644 "$work/media9.key"
"${join[@]}" >"$work/said" 2>&1 && fail "a key that all may read is taken"
logs "$work/said" "chmod 600 $work/media9.key" || fail "it is not said what to do: $(<"$work/said")"
chmod 600 "$work/media9.key"
"${join[@]}" >"$work/said" 2>&1 || fail "it may not join: $(<"$work/said")"
for node in ns1 ns2; do
    logs "$work/media9.yaml" "  $node: .*key: \[\"[^\"]*\", \"[^\"]*\"\]" ||
        fail "it is not told both keys of $node: $(<"$work/media9.yaml")"
done
start_media9() {
    ip netns exec "$lab-media3" "$build/tandem-agent" --config "$work/media9.yaml" \
        >>"$work/media9.log" 2>&1 &
    echo $! - >"$state/pid/media9.agent"
    disown $!
}
start_media9
# The key that a node runs with cannot be dropped before it runs with the other.
edit ns1 "${next[ns1]}" -- "$document"
said=$(node_says ns1 reload 2>&1) && fail "ns1 dropped the key that it runs with: $said"
[[ $said == *"put the next key into its file"* ]] || fail "it is not said what to do: $said"
edit ns1 "${old[ns1]}" "${next[ns1]}" -- "$document"
for node in ns1 ns2; do
    mv "$keys/$node.next" "$keys/$node.key"
    upgrade $node
    for server in media1 media2 media3 media9; do
        assert_eventually 10 verdict_is $node $server "up listening"
    done
done
for node in ns1 ns2; do
    edit $node "${next[$node]}" -- "$document" "$state/agents/"media[123].yaml
done
reload

# ---- that of a server which joined: it is written into the document ----
next[media9]=$("$build/tandem-agent" key "$work/media9.next")
cat >"$work/joined" <<END
  media9: {addresses: 192.0.2.109, capacity: 1000, key: ["${old[media9]}", "${next[media9]}"]}
END
sed -i "/^servers:/r $work/joined" "$document"
reload
sed -i "s|^key: .*|key: $work/media9.next|" "$work/media9.yaml"
end_agent media9
start_media9
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media9 "up listening"
done
edit media9 "${next[media9]}" -- "$document"
reload

# ---- the beats' ----
# The lab's nodes share one folder of keys: it is in turn that of the one which is restarted.
have() { # KEY [ALSO]: what it will read
    cp -p "$keys/beat.$1" "$keys/beat.key.new" && mv "$keys/beat.key.new" "$keys/beat.key"
    rm -f "$keys/beat.key.also"
    [ $# -eq 1 ] || cp -p "$keys/beat.$2" "$keys/beat.key.also"
}
have old next
restart ns1
have next old
restart ns2
have next
restart ns1
restart ns2
pause 0.5

# ---- what was seen meanwhile ----
stop_asking
worst_ms=$(python3 -c "$judge" "$work/watched" 2>&1) || fail "$worst_ms"
# Where the machine had no time for a node, others than what was ordered move its addresses.
since() { # what both guardians said since the beginning
    local node
    for node in ns1 ns2; do
        tail -n "+$((lines[${node#ns}] + 1))" "$state/log/$node"
    done
}
faults=$(since | grep -cE 'thread-silent|woke-late|reason=silence')
for node in ns1 ns2; do
    lost=$(awk '$3 != "NOERROR"' "$work/$node.asked" | wc -l)
    asked=$((${asked-0} + $(wc -l <"$work/$node.asked")))
    [ "$lost" -le $((lost_most + faults * lost_a_fault)) ] ||
        fail "$lost queries to $node were lost, and $faults times it had no processor time"
done
moved=$(since | grep '^guardian home .*-> active' |
    grep -vE 'reason=(partner-stopping|upgraded|give-back) ')
[ "$faults" -gt 0 ] || [ -z "$moved" ] || fail "addresses moved by themselves: $moved"

# ---- the old keys are good for nothing ----
chown root: "$keys/media1.old" # as whom it is started here
install -m 600 "$keys/media1.next" "$keys/media1.stray"
sed "s|^key: .*|key: $keys/media1.old|" "$state/agents/media1.yaml" >"$work/old.yaml"
refused=$(counter ns1 link.refused_keys)
ip netns exec "$lab-media1" "$build/tandem-agent" --config "$work/old.yaml" >"$work/old.log" 2>&1 &
assert_eventually 15 logs "$work/old.log" "link ns1 refused reason=unknown-key"
assert_eventually 5 logs "$work/old.log" "link ns2 refused reason=unknown-key"
is_above ns1 link.refused_keys "$refused" || fail "a handshake under the old key is not counted"
sed "s|^key: .*|key: $keys/media1.stray|" "$state/agents/media1.yaml" >"$work/stray.yaml"
for node in ns1 ns2; do
    edit $node "${old[$node]}" -- "$work/stray.yaml"
done
failed=$(counter ns1 link.failed_handshakes)
ip netns exec "$lab-media1" "$build/tandem-agent" --config "$work/stray.yaml" \
    >"$work/stray.log" 2>&1 &
assert_eventually 5 is_above ns1 link.failed_handshakes "$failed"
! logs "$work/stray.log" "down -> up" || fail "a node is still met under its old key"
verdict_is ns1 media1 "up listening" || fail "the strangers drove media1 out"
unproven=$(counter ns1 guardian.beats.unproven)
bad=$(counter ns1 guardian.beats.bad-tag)
chown root: "$keys/beat.old"
ip netns exec "$lab-ns2" "$build/tests/forge" beats "$keys/beat.old" "$lab-lab" 1 198.51.100.2 \
    198.51.100.1 1 >"$work/forged" 2>&1 || fail "forge: $(<"$work/forged")"
assert_eventually 5 is_above ns1 guardian.beats.bad-tag $((bad + 100))
[ "$(counter ns1 guardian.beats.unproven)" = "$unproven" ] ||
    fail "a beat under the old key is read"

# ---- no secret is told ----
for node in ns1 ns2; do
    for what in status servers events counters audit orders doctor; do
        node_says $node $what
        node_says $node --json $what
    done
done >"$work/told" 2>&1
for process in $(cat "$state/pid/"{ns1,ns2,media1.agent} | cut -d ' ' -f 1) \
    $(ip netns pids "$lab-ns1"); do
    [[ $(readlink "/proc/$process/exe") == */tandem* ]] || continue
    [ "$(stat -c %U "/proc/$process/environ")" = root ] || fail "$process may be looked into"
    grep -qE '^Max core file size +0 +0 ' "/proc/$process/limits" ||
        fail "$process may leave a core"
    looked=$((${looked-0} + 1))
done
[ "${looked-0}" -ge 5 ] || fail "only ${looked-0} processes were looked at"
python3 - "$keys" "$state" "$work" >"$work/secrets" 2>&1 <<'END' || fail "$(<"$work/secrets")"
import base64, pathlib, sys

alphabet = ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
            ".-:+=^!/*?&<>()[]{}@%$#")

def raw(text):
    groups = [text[i:i + 5] for i in range(0, 40, 5)]
    return b"".join(sum(alphabet.index(c) * 85 ** (4 - i) for i, c in enumerate(group))
                    .to_bytes(4, "big") for group in groups)

keys, *folders = map(pathlib.Path, sys.argv[1:])
secrets = {file: file.read_text().strip() for file in keys.iterdir()
           if file.suffix != ".public"}
for file in folders[1].glob("media9.[kn]e*"):
    secrets[file] = file.read_text().strip()
forms = {}
for file, text in secrets.items():
    key = raw(text)
    forms[text.encode()] = file, "as it is"
    forms[key] = file, "in bytes"
    forms[key.hex().encode()] = forms[key.hex().upper().encode()] = file, "in hex"
    for shift in range(3):
        inner = key[shift:shift + 27]
        forms[base64.b64encode(inner)] = forms[base64.urlsafe_b64encode(inner)] = file, "in base64"
files = [file for folder in folders for file in folder.rglob("*")
         if file.is_file() and file not in secrets and file.name != "secrets"]
found = [f"{secret} is, {how}, in {file}" for file in files
         for form, (secret, how) in forms.items() if form in file.read_bytes()]
names = {file.name for file in files}
lacking = {"ns1", "ns2", "media1.agent", "told", "orders", "warm", "audit", "old.log"} - names
if len(set(secrets.values())) < 9:
    sys.exit(f"only {len(set(secrets.values()))} secrets")
sys.exit("\n".join(found) or (f"not looked into: {lacking} of {names}" if lacking else 0))
END
conclude "$asked queries, the oldest report was $worst_ms ms old, $faults times no processor time"
