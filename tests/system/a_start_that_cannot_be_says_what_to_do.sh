#!/bin/bash
. "$(dirname "$0")/harness.sh"

# Starts by hand, of a cluster of one on loopback, in a network namespace of their own.
bin=$build
bench=$work/start
mkdir -p "$bench/keys" "$bench/run" "$bench/state"
public=$("$bin/tandemctl" keygen "$bench/keys/solo.key")
agent_key=$("$bin/tandemctl" keygen "$bench/agent.key")
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

# refused STATUS SENTENCE COMMAND...: ends with it within 5 s, and says so in one sentence.
refused() {
    local expected=$1 sentence=$2 status=0
    shift 2
    timeout 5 unshare -n sh -c 'ip link set lo up; exec "$@"' sh "$@" >"$work/said" 2>&1 ||
        status=$?
    [ "$status" -eq "$expected" ] ||
        fail "exit $status instead of $expected: $(tail -2 "$work/said")"
    grep -q -- "$sentence" "$work/said" || fail "no '$sentence' in: $(cat "$work/said")"
    cases=$((${cases-0} + 1))
}
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
cp "$bench/agent.key" "$bench/keys/solo.key"
refused 100 'belongs to the public key' "${tandemd[@]}"
rm "$bench/keys/solo.key"
mv "$bench/keys/away" "$bench/keys/solo.key"

# The port is somebody else's.
refused 111 'port 5300 of 127.0.0.1 is in use' sh -c '
    python3 -c "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"127.0.0.1\", 5300))
time.sleep(4)" &
    sleep 0.5
    "$@"' sh "${tandemd[@]}"

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
chmod 600 "$bench/agent.key"
sed -i 's/ports: .80./ports: [80, 80]/' "$bench/agent.yaml"
refused 100 'agent.yaml:6:' "$bin/tandem-agent" --config "$bench/agent.yaml"
refused 100 usage "$bin/tandem-agent"
conclude "$cases starts refused, each with its status and a sentence"
