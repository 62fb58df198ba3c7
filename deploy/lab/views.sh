# shellcheck shell=bash
# deploy/lab/views.sh: what can be seen of the lab.
# shellcheck disable=SC2154 # lab, state and build are set by deploy/pair and processes.sh

home_of() {
    [ "$1" = ns1 ] && echo 192.0.2.53 || echo 192.0.2.54
}

home6_of() {
    [ "$1" = ns1 ] && echo 2001:db8:53::53 || echo 2001:db8:53::54
}

verb_ctl() {
    local node=${1-}
    is_node "$node" || misuse "ctl wants ns1 or ns2, then what tandemctl takes"
    shift
    inside "$node" "$build/tandemctl" --socket "$state/run/$node.sock" "$@"
}

# ask_one NODE SERVER-ADDRESS TYPE NAME: one line.
ask_one() {
    local answer
    answer=$(inside client dig +time=1 +tries=1 +noall +comments +answer "@$2" "$4" "$3" 2>&1)
    printf '%-4s @%-16s %-5s %s -> %s\n' "$1" "$2" "$3" "$4" "$(awk -v type="$3" '
        match($0, /status: [A-Z]+/) { rcode = substr($0, RSTART + 8, RLENGTH - 8) }
        $1 !~ /^;/ && $4 == type { found = found " " $5 }
        $1 !~ /^;/ && $4 == "CNAME" { found = found " " $5 }
        END { print rcode == "" ? "no answer" : rcode found }' <<<"$answer")"
}

verb_dig() {
    local name=${1-stream.tandem.example} node
    for node in ns1 ns2; do
        ask_one $node "$(home_of $node)" A "$name"
        ask_one $node "$(home6_of $node)" AAAA "$name"
    done
}

# state_of NAME: running, frozen, hanging (a node whose worker alone is stopped) or down.
state_of() {
    local pid
    if ! is_running "$1"; then # which sets process_state
        echo down
    elif [ "$process_state" = T ]; then
        echo frozen
    elif ! is_node "$1"; then
        echo running
    elif grep -qs '^frozen 1' "$(cgroup_path "$1")/cgroup.events"; then
        echo frozen
    elif pid=$(node_pids "$1" worker) && inspect "${pid:-0}" && [ "$process_state" = T ]; then
        echo hanging
    else
        echo running
    fi
}

is_plugged() {
    [[ $(ip -n "$lab-$1" link show lan 2>/dev/null) == *LOWER_UP* ]]
}

# whole_first: the nodes that run, first those that are not cut off from what they tell of.
whole_first() {
    local node whole='' other=''
    for node in ns1 ns2; do
        case $(state_of $node)$(dropped $node) in
        running) if is_plugged $node; then whole="$whole $node"; else other="$other $node"; fi ;;
        running*) other="$other $node" ;;
        esac
    done
    echo "$whole$other"
}

host_line() {
    local host=$1 name number way text=''
    number=$(host_number "$host")
    if is_node "$host"; then
        text="tandemd $(state_of "$host")"
        way=$(dropped "$host")
        text=$text${way:+, its frames dropped ($way)}
    elif [[ $host == media* ]]; then
        text="agent $(state_of "$host.agent"),"
        for name in $service_ports; do
            text="$text port $name $(state_of "$host.$name"),"
        done
        ! is_running "client.$host" || text="$text load $(inside client ss -Htn \
            state established dst "192.0.2.$number" | wc -l),"
    fi
    is_plugged "$host" || text="${text:+${text%,}, }unplugged"
    printf '  %-8s 192.0.2.%-4s 2001:db8:53::%-4s %s\n' "$host" "$number" "$number" "${text%,}"
}

verb_status() {
    local host set node
    echo "lab \"$lab\", $(setting servers) servers, group size $(setting group-size)," \
        "build $(setting build)"
    for host in $(hosts); do
        host_line "$host"
    done
    for set in on_lan on_tcp on_udp; do
        cut_elements $set | sed "s/^/  cut (${set#on_}): /"
    done
    ! inside ns1 nft list table netdev cuts >/dev/null 2>&1 || echo "  cut (pair): ns1 ns2"
    for node in $(whole_first); do
        verb_ctl "$node" status
        return
    done
    echo "no node is running: deploy/pair$(lab_option) heal"
    return 2
}

verb_logs() {
    local name=${1-}
    [ -f "$state/log/$name" ] ||
        misuse "logs wants one of: $(find "$state/log" -type f -printf '%f ' 2>/dev/null)"
    if [ "${2-}" = -f ]; then
        tail -n 50 -f "$state/log/$name"
    else
        cat "$state/log/$name"
    fi
}

verb_run() {
    [ $# -ge 2 ] || misuse "run wants HOST COMMAND"
    want_host "$1"
    exec nsenter --net="/run/netns/$lab-$1" -- "${@:2}" # who ends this process ends the command
}
