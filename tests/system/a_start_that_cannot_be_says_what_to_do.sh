#!/bin/bash
. "$(dirname "$0")/harness.sh"

# Starts by hand, of a cluster of one on loopback, in a network namespace of their own.
. "$top/deploy/lab/user.sh"
"$top/deploy/install" user || fail "no user tandem"
bin=$(programs_for_tandem "$build" "$work/programs") || fail "user tandem cannot execute $build"
bench=$work/start
mkdir -p "$bench/keys" "$bench/run" "$bench/state"
public=$("$bin/tandemctl" keygen "$bench/keys/solo.key")
agent_key=$("$bin/tandemctl" keygen "$bench/agent.key")
mkdir "$bench/pair"
[ "$("$bin/tandemctl" keygen pair "$bench/pair" | wc -l)" -eq 2 ] || fail "no two public keys"
for key in ns1 ns2 beat; do
    [ "$(stat -c %a "$bench/pair/$key.key")" = 600 ] || fail "$key.key is not there, or for others"
done
! "$bin/tandemctl" keygen pair "$bench/pair" >/dev/null 2>&1 || fail "a key was overwritten"
chown -R tandem: "$bench/keys" "$bench/run" "$bench/state"
printf '@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n' >"$bench/zone"

# document CHANGE: the good document with a sed command applied to it.
document() {
    sed "$1" >"$bench/tandem.yaml" <<END
format: 1
cluster: solo
nodes:
  solo: {own: 127.0.0.1, home: 127.0.0.1, key: "$public"}
dns: {port: 5300}
paths: {keys: $bench/keys, state: $bench/state, run: $bench/run}
zones: {solo.example: $bench/zone}
servers:
  media1: {addresses: 192.0.2.101, capacity: 10, key: "$agent_key"}
END
}

# start COMMAND...: in the namespace, for 5 s at most; what it says is in $work/said.
start() {
    timeout 5 unshare -n sh -c 'ip link set lo up; exec "$@"' sh "$@" >"$work/said" 2>&1
}

# refused STATUS SENTENCE COMMAND...: ends with it within 5 s, and says so in one sentence. Beside
# it stand lines of the log alone, and the usage.
refused() {
    local expected=$1 sentence=$2 status=0
    shift 2
    start "$@" || status=$?
    [ "$status" -eq "$expected" ] ||
        fail "exit $status instead of $expected: $(tail -2 "$work/said")"
    grep -q -- "$sentence" "$work/said" || fail "no '$sentence' in: $(cat "$work/said")"
    [ "$sentence" = usage ] || [ "$(grep -vc '^guardian ' "$work/said")" -eq 1 ] ||
        fail "not one sentence: $(cat "$work/said")"
    [ -z "${SHOW-}" ] || grep -v '^guardian ' "$work/said"
    cases=$((${cases-0} + 1))
}

# occupied TYPE PORT: a program for refused, which holds that port of 127.0.0.1 before it becomes
# the rest of its arguments.
occupied=(python3 -c '
import os, socket, sys
kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}[sys.argv[1]]
held = socket.socket(socket.AF_INET, kind)
held.bind(("127.0.0.1", int(sys.argv[2])))
if kind == socket.SOCK_STREAM:
    held.listen()
held.set_inheritable(True)
os.execv(sys.argv[3], sys.argv[3:])')
tandemd=("$bin/tandemd" --config "$bench/tandem.yaml" --node solo)
worker=("$bin/tandem-worker" --config "$bench/tandem.yaml" --node solo)

document ''
refused 100 usage "$bin/tandemd" --node solo
refused 100 usage "$bin/tandem-worker"
refused 100 'cannot be read' "$bin/tandemd" --config "$bench/absent.yaml" --node solo
refused 100 other "$bin/tandemd" --config "$bench/tandem.yaml" --node other
document 's/capacity/capacty/'
refused 100 "tandem.yaml:9:.*capacty.*did you mean 'capacity'" "${tandemd[@]}"
document 's/solo: {own/solo: {interface: none0, own/; s/home: 127.0.0.1/home: 127.0.0.2/'
refused 111 none0 "${tandemd[@]}"
document 's/solo: {own/solo: {interface: lo, own/; s/home: 127.0.0.1/home: 127.0.0.2/'
refused 111 CAP_NET_ADMIN setpriv --bounding-set -net_admin --inh-caps -net_admin \
    --ambient-caps -net_admin "${tandemd[@]}"
document 's/port: 5300/port: 53/'
refused 111 'port 53 .*CAP_NET_BIND_SERVICE' setpriv --bounding-set -net_bind_service \
    --inh-caps -net_bind_service "${worker[@]}"

document ''
chmod 644 "$bench/keys/solo.key"
refused 111 'chmod 600' "${tandemd[@]}"
chmod 600 "$bench/keys/solo.key"
mv "$bench/keys/solo.key" "$bench/keys/away"
refused 111 'tandemctl keygen' "${tandemd[@]}"
install -o tandem -m 600 "$bench/agent.key" "$bench/keys/solo.key"
refused 100 'belongs to the public key' "${tandemd[@]}"
rm "$bench/keys/solo.key"
mv "$bench/keys/away" "$bench/keys/solo.key"
chown root "$bench/keys/solo.key" # root reads it, but the worker is not root
refused 111 'solo.key.*user that runs this' "${tandemd[@]}"
chown tandem "$bench/keys/solo.key"
chown 4321 "$bench/keys/solo.key" # as root would read it, too
refused 111 'solo.key.*user that runs this' "${tandemd[@]}"
chown tandem "$bench/keys/solo.key"

# The pair's key, and the one that is believed too while it is changed.
other=$(printf '%040d' 0)
document 's/solo: {own/solo: {interface: lo, own/; s/home: 127.0.0.1/home: 127.0.0.2/
    s/^dns:/  other: {own: 127.0.0.3, home: 127.0.0.4, key: "'"$other"'"}\n&/'
refused 111 'no key file .*beat.key: make one with tandemctl keygen' "${tandemd[@]}"
install -o tandem -m 600 "$bench/pair/beat.key" "$bench/keys/beat.key"
for key in beat.key beat.key.also; do
    [ $key = beat.key ] || install -o tandem -m 600 "$bench/pair/beat.key" "$bench/keys/$key"
    chmod 640 "$bench/keys/$key"
    refused 111 "$key is open to others.*chmod 600 $bench/keys/$key" "${tandemd[@]}"
    chmod 600 "$bench/keys/$key"
    chown 4321 "$bench/keys/$key"
    refused 111 "$key belongs to user 4321: run chown $(id -u tandem) " "${tandemd[@]}"
    chown tandem "$bench/keys/$key"
done
echo 'no key' >"$bench/keys/beat.key.also"
refused 111 'beat.key.also is no key file' "${tandemd[@]}"
rm "$bench/keys/beat.key" "$bench/keys/beat.key.also"
document ''

# A port is somebody else's.
refused 111 'UDP port 5300 of 127.0.0.1 is in use' "${occupied[@]}" udp 5300 "${tandemd[@]}"
refused 111 'TCP port 5300 of 127.0.0.1 is in use' "${occupied[@]}" tcp 5300 "${tandemd[@]}"
refused 111 '127.0.0.1:7353.*in use.*stop' "${occupied[@]}" tcp 7353 "${tandemd[@]}"

# The host lacks the own address: nobody could report there; without reports it is only noted.
document 's/own: 127.0.0.1/own: 192.0.2.9/'
refused 111 '192.0.2.9.*give this machine that address' "${tandemd[@]}"
grep -q 'not-on-this-host address=192.0.2.9' "$work/said" || fail "not noted: $(cat "$work/said")"
document 's/own: 127.0.0.1/own: 192.0.2.9/; s/, key: ".*"//; /^servers/d; /^  media1/d'
status=0
start "${tandemd[@]}" || status=$?
[ $status -eq 124 ] || fail "an own address that may still come ended tandemd: $(cat "$work/said")"
grep -q 'not-on-this-host address=192.0.2.9' "$work/said" || fail "not noted: $(cat "$work/said")"
document ''

# Nobody's rights: no capability at all, and no file of root's.
document 's/solo: {own/solo: {interface: lo, own/; s/home: 127.0.0.1/home: 127.0.0.2/'
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all)
refused 111 CAP_NET_ADMIN "${nobody[@]}" "${tandemd[@]}"
document ''
chmod 600 "$bench/tandem.yaml"
refused 100 'tandem.yaml cannot be read (Permission denied)' "${nobody[@]}" "${tandemd[@]}"
refused 100 'tandem.yaml cannot be read.*may read' "${nobody[@]}" "${worker[@]}"
chmod 644 "$bench/tandem.yaml"
chown 65534 "$bench/keys/solo.key"
chmod 700 "$bench/keys"
refused 111 'state/solo.*change paths: state' "${nobody[@]}" "${tandemd[@]}"
chown 65534 "$bench/state/solo" "$bench/state/solo/"*
refused 111 'solo.key.*user that runs this' "${nobody[@]}" "${tandemd[@]}"
chmod 755 "$bench/keys"
refused 111 'run/solo.sock.*change paths: run' "${nobody[@]}" "${tandemd[@]}"
document "s|run: [^}]*}|run: $bench/keys/run}|"
refused 111 'keys/run cannot be made.*paths: run' "${nobody[@]}" "${tandemd[@]}"
document "s|state: [^,]*,|state: $bench/keys/state,|"
refused 111 'keys/state.*cannot be made.*paths: state' "${nobody[@]}" "${tandemd[@]}"
document ''

# Root without the user to become: a machine's /etc/passwd that lacks it.
grep -v '^tandem:' /etc/passwd >"$work/passwd"
# shellcheck disable=SC2016 # for the inner shell
refused 111 'no user tandem.*useradd --system tandem' unshare -m sh -c '
    mount --bind "$0" /etc/passwd && exec "$@"' "$work/passwd" "${tandemd[@]}"

# The agent's.
cat >"$bench/agent.yaml" <<END
format: 1
cluster: solo
server: media1
key: $bench/agent.key
nodes: {solo: {address: 127.0.0.1, key: "$public"}}
ports: [80]
END
chmod 640 "$bench/agent.key"
refused 111 'chmod 600' "$bin/tandem-agent" --config "$bench/agent.yaml"
refused 111 'chmod 600' "$bin/tandem-agent" key "$bench/agent.key"
chmod 600 "$bench/agent.key"
[ "$("$bin/tandem-agent" key "$bench/agent.key")" = "$agent_key" ] ||
    fail "its public key is another"
chown 4321 "$bench/agent.key"
refused 111 'agent.key belongs to user 4321: run chown 0' \
    "$bin/tandem-agent" --config "$bench/agent.yaml"
chown root "$bench/agent.key"
mv "$bench/agent.key" "$bench/away.key"
refused 111 'agent.key.*tandemctl keygen' "$bin/tandem-agent" --config "$bench/agent.yaml"
mv "$bench/away.key" "$bench/agent.key"
refused 100 'absent.yaml cannot be read.*--config must' \
    "$bin/tandem-agent" --config "$bench/absent.yaml"
sed -i 's/ports: .80./ports: [80, 80]/' "$bench/agent.yaml"
refused 100 'agent.yaml:6:' "$bin/tandem-agent" --config "$bench/agent.yaml"
refused 100 usage "$bin/tandem-agent"
conclude "$cases starts refused, each with its status and a sentence"
