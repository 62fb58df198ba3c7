#!/bin/bash
# tests/bench/keepalived_lab.sh [--lab ID] VERB
#
# The lab of deploy/pair with keepalived and NSD on its two nodes in Tandem's place: the same
# bridge, links, addresses and names, broken in the same strokes.
#
#   up INTERVAL       advertisements each INTERVAL: seconds, as keepalived has it (0.01 to 40.95)
#   kill NODE HOW     as deploy/pair kill; the worker is NSD
#   heal [NODE]       undoes it
#   run HOST COMMAND  any command in that host's network
#   down              nothing stays
#
# Each home is a VRRPv3 instance a family, priority 200 at home and 100 at the partner's. NSD is
# bound to all service addresses all the time (ip-freebind), as Tandem's worker is. keepalived is
# told by the kernel that a process of NSD ended (track_process), and asks NSD once a second, which
# is as often as it can (a vrrp_script has whole seconds). It runs at real-time priority:
# without, at 10 ms and on a busy machine, its two nodes take each other's addresses for ever. And
# the kernel may let it compute for a second at a time: its own limit of 10 ms can end its child.
set -u -o pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$PATH:/usr/sbin

fail() {
    echo "keepalived_lab.sh: $*" >&2
    exit 111
}

misuse() {
    echo "keepalived_lab.sh: $*; see its first lines" >&2
    exit 100
}

for part in user net config processes strokes faults views; do
    # shellcheck source=/dev/null
    . "$top/deploy/lab/$part.sh"
done

lab=keepalived
[ "${1-}" != --lab ] || { lab=${2-} && shift $(($# < 2 ? $# : 2)); }
verb=${1-}
[ $# -eq 0 ] || shift
[[ $lab =~ ^[a-z0-9][a-z0-9-]{0,19}$ ]] || misuse "no lab \"$lab\""
state=/run/tandem-lab/$lab
# shellcheck disable=SC2034 # the parts read it
copies=/var/lib/tandem-lab/$lab
readonly nsd_processes=3 # of each node: main, xfrd and one server

# ---- what differs from Tandem's lab: the hosts, the programs and what they read ----

hosts() {
    printf '%s\n' ns1 ns2 client gw
}

node_pids() {
    local pid program
    for pid in $(ip netns pids "$lab-$1" 2>/dev/null); do
        program=$(readlink "/proc/$pid/exe")
        case ${program##*/} in
        nsd) echo "$pid" ;;
        keepalived) [ "${2-}" = worker ] || echo "$pid" ;;
        esac
    done
}

# A planned stop ends keepalived alone, which gives its addresses back; NSD goes on answering.
victims() {
    local pid
    for pid in $(node_pids "$1" "${2/all/}"); do
        [ "${how-}" != TERM ] || [[ $(readlink "/proc/$pid/exe") == */keepalived ]] || continue
        echo "$pid"
    done
}

# keepalived enters the namespace by itself: only outside of it the kernel tells of processes.
start_keepalived() {
    setsid keepalived --dont-fork --log-console --vrrp \
        --use-file="$state/$1.keepalived" --pid="$state/run/$1.pid" \
        --vrrp_pid="$state/run/$1.vrrp.pid" --checkers_pid="$state/run/$1.checkers.pid" \
        </dev/null >>"$state/log/$1" 2>&1 9>&- &
    inspect $! || process_began=0
    echo "$! $process_began" >"$state/pid/$1"
}

# NSD first and complete: what keepalived learns of its forks in passing it sometimes gets wrong,
# and then stays in FAULT for ever. A keepalived that runs already counts anew (SIGHUP).
start_node() {
    local i
    if ! is_running "$1"; then
        # shellcheck disable=SC2046 # one word a pid
        end_pids $(node_pids "$1")
        rm -f "$state/run/$1".*.pid # each its own: they share the machine's pids
    fi
    if [ -z "$(node_pids "$1" worker)" ]; then
        start "$1" "$1.nsd" nsd -d -c "$state/$1.nsd"
        for ((i = 0; i < 50; i++)); do
            [ "$(node_pids "$1" worker | wc -l)" -lt $nsd_processes ] || break
            sleep 0.05
        done
        sleep 0.1
        ! is_running "$1" || kill -HUP "$(pid_of "$1")"
    fi
    is_running "$1" || start_keepalived "$1"
}

config_nsd() {
    local address
    echo "server:"
    for address in 127.0.0.1 192.0.2.53 192.0.2.54 2001:db8:53::53 2001:db8:53::54; do
        echo "    ip-address: $address"
    done
    cat <<END
    ip-freebind: yes
    server-count: 1
    nsid: "ascii_$1"
    username: ""
    zonesdir: "$state"
    database: ""
    pidfile: "$state/run/$1.nsd.pid"
    xfrdfile: "$state/run/$1.xfrd"
    zonelistfile: "$state/run/$1.zones"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: tandem.example
    zonefile: zone
END
}

config_zone() {
    cat <<END
\$ORIGIN tandem.example.
\$TTL 5
@       IN SOA  ns1 hostmaster 1 3600 600 86400 5
        IN NS   ns1
        IN NS   ns2
ns1     IN A    192.0.2.53
        IN AAAA 2001:db8:53::53
ns2     IN A    192.0.2.54
        IN AAAA 2001:db8:53::54
stream  IN A    192.0.2.101
        IN AAAA 2001:db8:53::101
END
}

# config_instance NODE HOME FAMILY VRID ADDRESS...
config_instance() {
    local node=$1 home=$2 family=$3 vrid=$4 priority=100
    shift 4
    [ "$node" != "$home" ] || priority=200
    cat <<END
vrrp_instance ${home}_$family {
    version 3
    interface lan
    virtual_router_id $vrid
    priority $priority
    advert_int $interval
    virtual_ipaddress {
$(printf '        %s dev lan\n' "$@")
    }
    track_process {
        nsd_runs
    }
    track_script {
        nsd_answers
    }
}
END
}

config_keepalived() {
    cat <<END
net_namespace $lab-$1
global_defs {
    router_id $1
    vrrp_version 3
    vrrp_rt_priority 50
    vrrp_rlimit_rttime 1000000
    vrrp_no_swap
    script_user root
    enable_script_security
}
vrrp_track_process nsd_runs {
    process nsd -d -c $state/$1.nsd
    quorum $nsd_processes
}
vrrp_script nsd_answers {
    script "/usr/bin/timeout 0.9 /usr/bin/dig +tries=1 @127.0.0.1 ns1.tandem.example"
    interval 1
    timeout 1
    fall 1
    rise 1
}
END
    config_instance "$1" ns1 4 53 192.0.2.53/32
    config_instance "$1" ns1 6 53 fe80::53/128 2001:db8:53::53/128
    config_instance "$1" ns2 4 54 192.0.2.54/32
    config_instance "$1" ns2 6 54 fe80::54/128 2001:db8:53::54/128
}

config_write() {
    local node
    mkdir -p "$state/run" "$state/log" "$state/pid"
    config_zone >"$state/zone"
    for node in ns1 ns2; do
        config_nsd $node >"$state/$node.nsd"
        config_keepalived $node >"$state/$node.keepalived"
    done
}

verb_begin() {
    verb_up --as-built >/dev/null
}

verb_end() {
    verb_down >/dev/null
    rmdir "/run/keepalived/$lab-"* /run/keepalived 2>/dev/null # it is not removed by one killed
    return 0
}

case $verb in
up)
    interval=${1-}
    [[ $interval =~ ^[0-9]+(\.[0-9]+)?$ ]] || misuse "up wants an interval in seconds"
    for program in keepalived nsd dig; do
        command -v "$program" >/dev/null || fail "$program is missing: deploy/install test bench"
    done
    verb=begin
    ;;
down) verb=end ;;
kill | heal | run) ;;
*) misuse "no verb \"$verb\"" ;;
esac
[ "$(id -u)" = 0 ] || fail "network namespaces need root: run this as root"
[ "$verb" = begin ] || [ "$verb" = end ] || is_up || fail "lab \"$lab\" is not up"
"verb_$verb" "$@"
