# shellcheck shell=bash
# deploy/lab/config.sh: what the programs read: keys, the document, the zone, the agents' files.
# shellcheck disable=SC2154 # top, lab, state and build are set by deploy/pair and processes.sh

# setting NAME: what `up` was told (servers, listed, group-size, build, worker).
setting() {
    cat "$state/setting/$1"
}

# The servers that the document names: the first so many, or none.
listed_servers() {
    servers | head -n "$(setting listed)"
}

# The public key of a node or server; its secret is made first if there is none.
key() {
    local name=$1
    if [ ! -s "$state/keys/$name.public" ]; then
        rm -f "$state/keys/$name.key"
        "$build/tandemctl" keygen "$state/keys/$name.key" >"$state/keys/$name.public" ||
            fail "tandemctl keygen $state/keys/$name.key failed, see above"
    fi
    cat "$state/keys/$name.public"
}

config_zone() {
    cat <<END
\$ORIGIN tandem.example.
\$TTL 3600
@           IN SOA  ns1 hostmaster 1 3600 600 86400 5
            IN NS   ns1
            IN NS   ns2
ns1         IN A    192.0.2.53
            IN AAAA 2001:db8:53::53
ns2         IN A    192.0.2.54
            IN AAAA 2001:db8:53::54
www         IN CNAME stream
static      IN A    192.0.2.1
            IN TXT  "does not depend on any server"
END
}

config_servers() {
    local server number
    echo "servers:"
    for server in $(listed_servers); do
        server_key=$(key "$server") || exit
        number=$(host_number "$server")
        echo "  $server:"
        echo "    addresses: [192.0.2.$number, 2001:db8:53::$number]"
        echo "    capacity: 1000"
        echo "    key: \"$server_key\""
    done
}

config_document() {
    local ns1 ns2
    ns1=$(key ns1) && ns2=$(key ns2) || exit
    cat <<END
format: 1
cluster: $lab-lab
nodes:
  ns1:
    interface: lan
    own: [192.0.2.11, 2001:db8:53::11]
    home: [192.0.2.53, 2001:db8:53::53]
    pair: 198.51.100.1
    key: "$ns1"
  ns2:
    interface: lan
    own: [192.0.2.12, 2001:db8:53::12]
    home: [192.0.2.54, 2001:db8:53::54]
    pair: 198.51.100.2
    key: "$ns2"
dns: {port: 53, threads: 2}
replication: {port: 7353}
paths: {keys: $state/keys, state: $state/state, run: $state/run}
witness: [192.0.2.1, 2001:db8:53::1]
spare: [192.0.2.55, 2001:db8:53::55]
zones:
  tandem.example: tandem.example.zone
END
    [ "$(setting listed)" = 0 ] || config_servers || exit
    cat <<END
pools:
  stream:
    name: stream.tandem.example
    policy: least-connection-group
    group-size: $(setting group-size)
    rounds: 1
    ports: [1755, 80]
    ttl: 5s
END
    [ "$(setting listed)" = 0 ] || echo "    servers: all"
}

config_agent() {
    cat <<END
format: 1
cluster: $lab-lab
server: $1
key: $state/keys/$1.key
nodes:
  ns1: {address: 192.0.2.11, port: 7353, key: "$(key ns1)"}
  ns2: {address: 192.0.2.12, port: 7353, key: "$(key ns2)"}
ports: [1755, 80]
interval: 1s
step: {sockets: 10, percent: 5}
END
}

# What is there stays: a second `up` must not take the keys from under running processes.
config_write() {
    local server
    (umask 077 && mkdir -p "$state/keys" "$state/state")
    mkdir -p "$state/run" "$state/log" "$state/pid" "$state/agents"
    key beat >/dev/null || exit # the nodes' own: both have the same
    [ -e "$state/tandem.example.zone" ] || config_zone >"$state/tandem.example.zone"
    if [ ! -e "$state/tandem.yaml" ]; then
        config_document >"$state/tandem.yaml.new" || exit
        mv "$state/tandem.yaml.new" "$state/tandem.yaml"
    fi
    chown -R tandem: "$state/keys" "$state/state" "$state/run" "$state/agents"
    for server in $(listed_servers); do
        [ -e "$state/agents/$server.yaml" ] || config_agent "$server" >"$state/agents/$server.yaml"
    done
}
