# shellcheck shell=bash
# deploy/lab/faults.sh: load, and everything that can go wrong, and its end.
# shellcheck disable=SC2154 # lab, state and build are set by deploy/pair and processes.sh

want_host() {
    is_host "$1" || misuse "no host \"$1\" in lab \"$lab\" ($(hosts | tr '\n' ' '))"
}

verb_load() {
    local server=${1-} count=${2-} address deadline
    [ $# -eq 2 ] || misuse "load wants SERVER N"
    want_host "$server"
    [[ $server == media* && $count =~ ^[0-9]+$ ]] || misuse "load wants SERVER N"
    end_process "client.$server"
    if [ "$count" -eq 0 ]; then
        echo "load: none on $server"
        return
    fi
    address=192.0.2.$(host_number "$server")
    : >"$state/log/client.$server"
    start client "client.$server" "$build/tandem-lab-load" "$address" 1755 "$count"
    deadline=$((SECONDS + 10 + count / 5000))
    until grep -q '^holding' "$state/log/client.$server"; do
        is_running "client.$server" || fail "load: $(tail -n 1 "$state/log/client.$server")"
        [ $SECONDS -lt $deadline ] || fail "load: $server does not take $count connections"
        sleep 0.02
    done
    echo "load: $count connections to $server"
}

# The pids a kill is meant for: of one process NAME, of an agent, of a port, or of the whole host.
victims() {
    local host=$1 what=$2 port
    case $what in
    all)
        if is_node "$host"; then
            node_pids "$host"
        else
            for port in agent $service_ports; do
                pid_of "$host.$port"
            done
        fi
        ;;
    worker | guardian) node_pids "$host" "$what" ;;
    *) pid_of "$host.$what" ;;
    esac
}

plug() {
    ip -n "$lab-lan" link set "$1" up
}

# Wake what was frozen.
resume() {
    local pids
    cgroup_thaw "$1"
    mapfile -t pids < <(victims "$1" all)
    [ ${#pids[@]} -eq 0 ] || kill -CONT "${pids[@]}" 2>/dev/null
}

# Undoes what was done to a host, but for what ended its processes.
mend() {
    ! is_node "$1" || undrop "$1"
    plug "$1"
    resume "$1"
}

# The options of kill: sets how, what and await.
read_kill_options() {
    local host=$1 given=''
    shift
    how=TERM what=all await=''
    while [ $# -gt 0 ]; do
        [[ $1 == --await || $1 == --agent || $1 == --port || -z $given ]] ||
            misuse "kill: $given or $1, not both"
        case $1 in
        --plan) how=TERM given=$1 ;;
        --hard) how=KILL given=$1 ;;
        --stop) how=STOP given=$1 ;;
        --freeze) how=freeze given=$1 ;;
        --unplug) how=unplug given=$1 ;;
        --hang) how=STOP what=worker given=$1 ;;
        --worker)
            how=KILL what=worker given=$1
            [[ ${2-} != [A-Z]* ]] || { how=$2 && shift; }
            [[ $how =~ ^(KILL|SEGV|ABRT)$ ]] || misuse "kill --worker wants KILL, SEGV or ABRT"
            ;;
        --drop)
            how=drop what=both given=$1
            [[ ${2--} == -* ]] || { what=$2 && shift; }
            [[ $what =~ ^(both|in|out)$ ]] || misuse "kill --drop wants both, in or out"
            ;;
        --await) await=1 ;;
        --agent) what=agent ;;
        --port)
            [ $# -ge 2 ] || misuse "kill --port wants a port"
            what=$2
            shift
            ;;
        *) misuse "kill: no option \"$1\"" ;;
        esac
        shift
    done
    if is_node "$host"; then
        [[ $what =~ ^(all|worker|both|in|out)$ ]] ||
            misuse "kill: a node has no --agent and no --port"
    else
        [[ $how != drop && $how != freeze && $what != worker ]] ||
            misuse "kill: only a node knows ${given}"
    fi
}

verb_kill() {
    local host=${1-} how what await pids order
    [ $# -ge 1 ] || misuse "kill wants a node or a server"
    want_host "$host"
    shift
    read_kill_options "$host" "$@"
    case $how in
    unplug) ready_unplug "$host" ;;
    drop) ready_drop "$host" "$what" ;;
    *)
        mapfile -t pids < <(victims "$host" "$what")
        [ ${#pids[@]} -gt 0 ] || fail "nothing to kill on $host: it does not run"
        # As systemd asks a node to stop: its worker ends when the partner has taken over.
        ! is_node "$host" || [ "$how,$what" != TERM,all ] ||
            mapfile -t pids < <(victims "$host" guardian)
        case $how,$what in # a server has no control group
        freeze,*) ready_group "$host" cgroup.freeze STOP "${pids[@]}" ;;
        KILL,all) ready_group "$host" cgroup.kill KILL "${pids[@]}" ;;
        *) ready_signal "$how" "${pids[@]}" ;;
        esac
        ;;
    esac
    if [ -n "$await" ]; then
        echo ready
        read -r order || fail "kill --await: no line came on standard input; $host is as it was"
        # shellcheck disable=SC2034 # read in strokes.sh
        [[ ! $order =~ ^at\ ([0-9]+)$ ]] || stroke_at=${BASH_REMATCH[1]}
    fi
    strike
    [ -z "$await" ] || echo "struck $struck_at"
    struck "$host"
}

verb_heal() {
    local host
    [ $# -eq 0 ] || want_host "$1"
    for host in ${1-$(hosts)}; do
        mend "$host"
        start_host "$host"
    done
}

# The cuts stand in three nftables sets of the bridge, by port, that is by host.
cut_table() {
    command -v nft >/dev/null || fail "cut needs nftables: deploy/install run"
    ! inside lan nft list table bridge cuts >/dev/null 2>&1 || return 0
    inside lan nft -f - <<'END' || fail "cannot drop in a bridge: CONFIG_NF_TABLES_BRIDGE is needed"
table bridge cuts {
    set on_lan { type ifname . ifname; }
    set on_tcp { type ifname . ifname . inet_service; }
    set on_udp { type ifname . ifname . inet_service; }
    chain forward {
        type filter hook forward priority 0;
        iifname . oifname @on_lan drop
        iifname . oifname . tcp dport @on_tcp drop
        iifname . oifname . tcp sport @on_tcp drop
        iifname . oifname . udp dport @on_udp drop
        iifname . oifname . udp sport @on_udp drop
    }
}
END
}

cut_pair_link() {
    local node
    for node in ns1 ns2; do
        inside $node nft -f - <<'END' || fail "cannot drop at a device: CONFIG_NETFILTER_INGRESS"
table netdev cuts {
    chain pair { type filter hook ingress device "pair" priority 0; policy drop; }
}
END
    done
}

verb_cut() {
    local a=${1-} b=${2-} path=lan
    [ $# -ge 2 ] || misuse "cut wants two hosts"
    want_host "$a"
    want_host "$b"
    [ "$a" != "$b" ] || misuse "cut wants two hosts"
    shift 2
    case "$# ${1-}" in
    "0 ") ;;
    "2 --path") path=$2 ;;
    *) misuse "cut wants --path lan|pair|tcp:PORT|udp:PORT" ;;
    esac
    cut_table
    case $path in
    lan) inside lan nft add element bridge cuts on_lan "{ \"$a\" . \"$b\", \"$b\" . \"$a\" }" ;;
    pair)
        if ! is_node "$a" || ! is_node "$b"; then
            misuse "only the nodes have a pair link"
        fi
        cut_pair_link
        ;;
    tcp:[0-9]* | udp:[0-9]*)
        inside lan nft add element bridge cuts "on_${path%:*}" \
            "{ \"$a\" . \"$b\" . ${path#*:}, \"$b\" . \"$a\" . ${path#*:} }"
        ;;
    *) misuse "cut: no path \"$path\"" ;;
    esac || fail "cannot cut $a from $b on $path, see above"
}

# Without hosts: all cuts.
verb_join() {
    local a=${1-} b=${2-} node set from to port
    if [ $# -eq 0 ]; then
        inside lan nft delete table bridge cuts 2>/dev/null
    else
        [ $# -eq 2 ] || misuse "join wants two hosts, or none"
        for set in on_lan on_tcp on_udp; do
            while read -r from to port; do
                [ "$from $to" = "$a $b" ] || [ "$from $to" = "$b $a" ] || continue
                inside lan nft delete element bridge cuts $set \
                    "{ \"$from\" . \"$to\" ${port:+. $port} }"
            done < <(cut_elements $set)
        done
    fi
    if [ $# -eq 0 ] || { is_node "$a" && is_node "$b"; }; then
        for node in ns1 ns2; do
            inside $node nft delete table netdev cuts 2>/dev/null
        done
    fi
    return 0
}

# cut_elements SET: one line an element: FROM TO [PORT].
cut_elements() {
    inside lan nft -j list set bridge cuts "$1" 2>/dev/null | python3 -c '
import json, sys
for item in json.load(sys.stdin)["nftables"]:
    for element in item.get("set", {}).get("elem", []):
        print(*element["concat"])' 2>/dev/null
}
