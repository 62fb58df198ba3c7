# shellcheck shell=bash
# deploy/lab/strokes.sh: the ways in which a host is broken, each in one stroke.
#
# What takes time is done before (`ready_...`): processes are found and gathered in a control group,
# commands are started that wait for their text. So between the instant of the fault and its effect
# lies a system call or two. nftables writes its rules one by one, in some milliseconds; so they can
# be told the second of the wall clock at which all of them begin to hold.
# shellcheck disable=SC2154 # lab is set by deploy/pair

readonly ended_within_tenths=50
stroke=''         # what `strike` does
stroke_at=''      # the second at which frames begin to vanish; empty: at once
struck_at=''      # the instant before it: seconds of the wall clock, to the microsecond
stroke_pids=()    # to these processes
waiting_pids=()   # commands that read what they shall do from
waiting_fds=()    # these descriptors, and are told
waiting_texts=()  # this text

# The lab's control group for a host; prints nothing where no cgroup v2 is to be had.
cgroup_path() {
    local mount type
    while read -r _ mount type _; do
        [ "$type" != cgroup2 ] || { echo "$mount/tandem-lab-$lab-$1" && return; }
    done </proc/self/mounts
}

# Gathers processes in the host's control group, with all that they start from now on. Fails where
# there is none.
cgroup_gather() {
    local group=$1 pid
    shift
    [ -n "$group" ] && mkdir -p "$group" 2>/dev/null && [ -w "$group/cgroup.freeze" ] || return 1
    for pid in "$@"; do
        { echo "$pid" >"$group/cgroup.procs"; } 2>/dev/null || ! inspect "$pid" || return 1
    done
}

cgroup_thaw() {
    local group
    group=$(cgroup_path "$1")
    [ -z "$group" ] || [ ! -e "$group/cgroup.freeze" ] || echo 0 >"$group/cgroup.freeze"
}

# Removes the groups of this lab, whatever the state says: a crash may have lost it. What was killed
# leaves its group a moment later.
cgroup_down() {
    local group tries=10
    for group in "$(cgroup_path ns1)" "$(cgroup_path ns2)"; do
        while [ -d "$group" ] && ! rmdir "$group" 2>/dev/null && [ $tries -gt 0 ]; do
            tries=$((tries - 1))
            sleep 0.1
        done
    done
}

# waiting TEXT COMMAND...: starts what will do TEXT, read from its standard input.
waiting() {
    local text=$1 fd other
    shift
    exec {fd}> >(
        for other in "${waiting_fds[@]}"; do exec {other}>&-; done
        exec "$@"
    )
    waiting_pids+=($!)
    waiting_fds+=("$fd")
    waiting_texts+=("$text")
}

# Frames to (in) or from (out) a node vanish, on the service LAN and on the pair's link, whose both
# ends see a carrier. One table a node, so that `heal` of one leaves the other's.
ready_drop() {
    local host=$1 way=$2 partner=ns1 rules=''
    [ "$host" != ns1 ] || partner=ns2
    undrop "$host"
    inside lan nft -f - <<END || fail "cannot drop in a bridge: CONFIG_NF_TABLES_BRIDGE is needed"
table bridge drop_$host {
    chain forward { type filter hook forward priority 0; }
}
END
    [ "$way" = out ] || rules="add rule bridge drop_$host forward oifname \"$host\" WHEN drop;"
    [ "$way" = in ] || rules="$rules add rule bridge drop_$host forward iifname \"$host\" WHEN drop"
    waiting "$rules" nsenter --net="/run/netns/$lab-lan" -- nft -f -
    [ "$way" = out ] || ready_drop_pair "$host" "$host"
    [ "$way" = in ] || ready_drop_pair "$host" "$partner"
    stroke=tell
}

# ready_drop_pair HOST AT: what comes in on the pair's link at that node.
ready_drop_pair() {
    inside "$2" nft -f - <<END || fail "cannot drop at a device: CONFIG_NETFILTER_INGRESS"
table netdev drop_$1 {
    chain pair { type filter hook ingress device "pair" priority 0; }
}
END
    waiting "add rule netdev drop_$1 pair WHEN drop" nsenter --net="/run/netns/$lab-$2" -- nft -f -
}

# All of it at once, as it was broken: nft needs some milliseconds for each.
undrop() {
    local node pids=()
    inside lan nft delete table bridge "drop_$1" 2>/dev/null &
    pids+=($!)
    for node in ns1 ns2; do
        inside $node nft delete table netdev "drop_$1" 2>/dev/null &
        pids+=($!)
    done
    wait "${pids[@]}"
    return 0
}

# dropped HOST: prints the way in which its frames vanish, if they do.
dropped() {
    case $(inside lan nft list table bridge "drop_$1" 2>/dev/null) in
    *oifname*iifname*) echo both ;;
    *oifname*) echo in ;;
    *iifname*) echo out ;;
    esac
}

ready_unplug() {
    waiting "link set $1 down" ip -n "$lab-lan" -batch -
    stroke=tell
}

# ready_signal SIGNAL PID...
ready_signal() {
    stroke=$1
    shift
    stroke_pids=("$@")
}

# ready_group HOST FILE SIGNAL PID...: one write ends or freezes them all; where the kernel has no
# such file, a signal to one after the other.
ready_group() {
    local host=$1 group file=$2 signal=$3
    group=$(cgroup_path "$host")
    shift 3
    # A server has no group: nothing is measured there to the millisecond.
    if is_node "$host" && cgroup_gather "$group" "$@" && [ -w "$group/$file" ]; then
        stroke=$group/$file
        stroke_pids=("$@")
    else
        ready_signal "$signal" "$@"
    fi
}

strike() {
    local i fd when=''
    [ -z "$stroke_at" ] || when="meta time >= \"$(date -d "@$stroke_at" '+%F %T')\""
    # shellcheck disable=SC2034 # read in faults.sh
    struck_at=$EPOCHREALTIME
    case $stroke in
    tell)
        for i in "${!waiting_fds[@]}"; do
            fd=${waiting_fds[i]}
            echo "${waiting_texts[i]//WHEN/$when}" >&"$fd"
            exec {fd}>&-
        done
        ;;
    /*) echo 1 >"$stroke" ;;
    *) kill "-$stroke" "${stroke_pids[@]}" 2>/dev/null ;;
    esac
}

# What was told to do something must have done it; what was ended must be gone.
struck() {
    local host=$1 pid
    for pid in "${waiting_pids[@]}"; do
        wait "$pid" || fail "cannot break $host, see above"
    done
    case $stroke in
    tell | STOP | */cgroup.freeze) ;;
    *)
        gone_within $ended_within_tenths "${stroke_pids[@]}" ||
            fail "$host does not end within 5 s of SIG${stroke/*\/cgroup.kill/KILL}"
        ;;
    esac
}
