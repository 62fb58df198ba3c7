# shellcheck shell=bash
# deploy/lab/joining.sh: servers that join by a token, as on real hosts: the document names none of
# them, and nobody edits anything.
# shellcheck disable=SC2154 # lab, state and programs are set by deploy/pair and processes.sh

readonly joining_at_once=20 # as many strangers as a node lets in within a second
readonly joined_within_s=30
readonly server_prefixes="--prefix 192.0.2.0/24 --prefix 2001:db8:53::/64"

# Those that are in no document and have not joined yet.
strangers() {
    local server
    for server in $(servers); do
        [ -e "$state/agents/$server.yaml" ] || echo "$server"
    done
}

# ask_for_token COUNT: prints one for so many servers, by whichever node gives it.
ask_for_token() {
    local node deadline=$((SECONDS + ready_within_s))
    while [ $SECONDS -lt $deadline ]; do
        for node in ns1 ns2; do
            is_running $node || continue
            # shellcheck disable=SC2086 # two words a prefix
            "$build/tandemctl" --socket "$state/run/$node.sock" token --pool stream --uses "$1" \
                $server_prefixes --for 10m 2>"$state/no-token" && return
        done
        sleep 0.05
    done
    fail "no node gives a token: $(cat "$state/no-token")"
}

# join_server TOKEN SERVER: the one command, on that server; and its agent begins.
join_server() {
    local number
    number=$(host_number "$2")
    set_agent "$2"
    "${agent[@]}" join "$1" --name "$2" --address "192.0.2.$number" \
        --address "2001:db8:53::$number" --config "$state/agents/$2.yaml" \
        --key "$state/keys/$2.key" >"$state/log/$2.join" 2>&1 ||
        fail "$2 cannot join: $(tail -n 1 "$state/log/$2.join")"
    start_agent "$2"
}

# all_done PID...: waits for each of them; fails if one did.
all_done() {
    local pid status=0
    for pid; do
        wait "$pid" || status=$?
    done
    return $status
}

# are_up NODE: every server of $joining is, there.
are_up() {
    "$build/tandemctl" --socket "$state/run/$1.sock" servers 2>/dev/null |
        awk -v names="$joining" '$3 == "up" { up[$1] }
            END { n = split(names, name); for (i in name) if (!(name[i] in up)) exit 1 }'
}

wait_until_joined() {
    local node deadline=$((SECONDS + joined_within_s))
    for node in ns1 ns2; do
        is_running $node || continue # its partner tells it, when it is there
        until are_up $node; do
            [ $SECONDS -lt $deadline ] ||
                fail "$node does not know all of those that joined after $joined_within_s s:" \
                    "deploy/pair$(lab_option) ctl $node servers"
            sleep 0.05
        done
    done
}

# join_servers SERVER...: all of them by one token, a crowd at a time.
join_servers() {
    local token server number began joining=$* who=${1-} pids crowd
    [ $# -gt 0 ] || return 0
    [ $# -eq 1 ] || who="$# servers"
    token=$(ask_for_token $#) || exit
    number=$(host_number "$1")
    echo "lab: a token: tandemctl token --pool stream --uses $# $server_prefixes"
    echo "lab: $who by it: tandem-agent join TOKEN --name $1 --address 192.0.2.$number" \
        "--address 2001:db8:53::$number"
    began=${EPOCHREALTIME/./}
    while [ $# -gt 0 ]; do
        pids=() crowd=("${@:1:joining_at_once}")
        for server in "${crowd[@]}"; do
            join_server "$token" "$server" &
            pids+=($!)
        done
        all_done "${pids[@]}" || exit
        shift ${#crowd[@]}
    done
    wait_until_joined
    echo "lab: $who up on both nodes after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}

# One server more, while the pair answers: a host, its service, and the one command.
verb_add() {
    local count host
    count=$(($(setting servers) + 1))
    host=${1-media$count}
    [ $# -le 1 ] || misuse "add wants one NAME, or none"
    [ "$host" = "media$count" ] || misuse "add: the next server of lab \"$lab\" is media$count"
    [ $count -le 99 ] || fail "a lab has 99 servers at most"
    echo $count >"$state/setting/servers"
    net_hosts "$host"
    start_listeners "$host"
    join_servers "$host"
}
