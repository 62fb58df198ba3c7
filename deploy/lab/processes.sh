# shellcheck shell=bash
# deploy/lab/processes.sh: starting and ending what runs in the lab.
#
# A process has a name (ns1, media1.agent, media1.1755, client.media1), a log of that name, and a
# file of that name with its pid and start time, so that a pid used anew is never taken for ours.
# shellcheck disable=SC2154 # top, lab and state are set by deploy/pair

readonly ready_within_s=20
readonly service_ports="1755 80"

is_up() {
    [ -e "/run/netns/$lab-lan" ] && [ -s "$state/setting/build" ] && use_build "$(setting build)"
}

use_build() {
    build=$top/build/$1
    programs=$build
    [ ! -d "$copies" ] || programs=$copies
}

# The user that the programs become or run as, and programs that it can execute.
open_to_user() {
    "$top/deploy/install" user || exit
    rm -rf "$copies"
    programs=$(programs_for_tandem "$build" "$copies") ||
        fail "user tandem can execute neither $build/tandem-worker nor a copy in $copies"
}

lab_option() {
    [ "$lab" = tandem ] || echo " --lab $lab"
}

servers() {
    hosts | grep '^media'
}

# inspect PID: sets process_state (R, S, T, Z ...) and process_began; fails when it is gone.
inspect() {
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086 # the fields behind the name, which may hold blanks
    set -- ${line##*) }
    process_state=$1
    process_began=${20}
}

# pid_of NAME: prints the pid while that process lives.
pid_of() {
    local pid began
    { read -r pid began <"$state/pid/$1"; } 2>/dev/null || return 1
    inspect "$pid" && [ "$process_began" = "$began" ] && [ "$process_state" != Z ] && echo "$pid"
}

is_running() {
    pid_of "$1" >/dev/null
}

# start HOST NAME COMMAND...
start() {
    launch "$2" nsenter --net="/run/netns/$lab-$1" -- "${@:3}"
}

# launch NAME COMMAND...: a process of that name, where the command puts itself.
launch() {
    local name=$1 pid
    shift
    setsid "$@" </dev/null >>"$state/log/$name" 2>&1 9>&- &
    pid=$!
    inspect "$pid" || process_began=0
    echo "$pid $process_began" >"$state/pid/$name"
}

# node_pids NODE [worker|guardian]: the pids of its two programs, or of one alone (not of what
# somebody else runs in its namespace).
node_pids() {
    local pid program
    for pid in $(ip netns pids "$lab-$1" 2>/dev/null); do
        program=$(readlink "/proc/$pid/exe")
        program=${program##*/}
        case ${program%% *} in # " (deleted)" stands behind one that was built anew
        tandem-worker*) [ "${2-}" = guardian ] || echo "$pid" ;;
        tandemd) [ "${2-}" = worker ] || echo "$pid" ;;
        esac
    done
}

# gone_within TENTHS PID...: waits until none of them lives.
gone_within() {
    local tenths=$1 pid left
    shift
    while :; do
        left=0
        for pid in "$@"; do
            ! inspect "$pid" || [ "$process_state" = Z ] || left=1
        done
        [ $left = 1 ] || return 0
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# end_pids PID...: asks, and after two seconds insists.
end_pids() {
    [ $# -gt 0 ] || return 0
    kill -TERM "$@" 2>/dev/null
    kill -CONT "$@" 2>/dev/null
    gone_within 20 "$@" || kill -KILL "$@" 2>/dev/null
    gone_within 20 "$@"
}

end_process() {
    local pid
    ! pid=$(pid_of "$1") || end_pids "$pid"
    rm -f "$state/pid/$1"
}

start_node() {
    local worker
    ! is_running "$1" || return 0
    # shellcheck disable=SC2046 # one word a pid
    end_pids $(node_pids "$1") # a worker whose guardian was killed
    worker=$(setting worker)
    [ "$programs" = "$build" ] || worker=$programs/${worker##*/}
    start "$1" "$1" "$programs/tandemd" --config "$state/tandem.yaml" --node "$1" \
        --worker "$worker"
}

start_listeners() {
    local port
    for port in $service_ports; do
        is_running "$1.$port" || start "$1" "$1.$port" "$build/tandem-lab-listener" "$port"
    done
}

# set_agent HOST: sets agent to its program on that host. It needs no privilege, so it gets none;
# and it sees the interfaces of its own host alone (ip netns exec), by which it knows its machine.
set_agent() {
    agent=(ip netns exec "$lab-$1" setpriv --reuid tandem --regid tandem --clear-groups
        --no-new-privs --inh-caps=-all --bounding-set=-all -- "$programs/tandem-agent")
}

# One that has not joined has no configuration yet.
start_agent() {
    [ -e "$state/agents/$1.yaml" ] && ! is_running "$1.agent" || return 0
    set_agent "$1"
    launch "$1.agent" "${agent[@]}" --config "$state/agents/$1.yaml"
}

start_host() {
    if is_node "$1"; then
        start_node "$1"
    elif [[ $1 == media* ]]; then
        start_listeners "$1"
        start_agent "$1"
    fi
}

# answers ADDRESS: that service address names a server for the balanced name.
answers() {
    [[ $(inside client dig +short +time=1 +tries=1 "@$1" stream.tandem.example A) == 192.0.2.* ]]
}

wait_until_ready() {
    local node deadline=$((SECONDS + ready_within_s))
    for node in ns1 ns2; do
        until answers "$(home_of "$node")"; do
            if ! is_running "$node" || [ $SECONDS -ge $deadline ]; then
                echo "deploy/pair: the last lines of $state/log/$node:" >&2
                tail -n 20 "$state/log/$node" | sed 's/^/    /' >&2
                is_running "$node" || fail "tandemd of $node ended, see above"
                fail "$node does not answer after $ready_within_s s, see above"
            fi
            sleep 0.1
        done
    done
}

# The options of `up`; a lab that is up keeps what it was brought up with.
read_settings() {
    local servers=3 listed=0 group_size=2 preset=release worker='' given=''
    as_built=''
    while [ $# -gt 0 ]; do
        case $1 in
        --as-built) as_built=1 ;;
        --listed) listed=1 ;;
        esac
        if [ "$1" = --as-built ] || [ "$1" = --listed ]; then
            shift
            continue
        fi
        [ $# -ge 2 ] || misuse "up: $1 wants a value"
        case $1 in
        --servers) servers=$2 ;;
        --group-size) group_size=$2 ;;
        --build) preset=$2 ;;
        --worker) worker=$2 ;;
        *) misuse "up: no option \"$1\"" ;;
        esac
        given=1
        shift 2
    done
    [[ $servers =~ ^[1-9][0-9]?$ ]] || misuse "--servers wants 1 to 99, not \"$servers\""
    [[ $group_size =~ ^[1-9][0-9]?$ ]] || misuse "--group-size wants 1 to 99, not \"$group_size\""
    [ $listed = 0 ] || listed=$servers
    : "${worker:=$top/build/$preset/tandem-worker}"
    if [ -s "$state/setting/build" ]; then
        [ -z "$given" ] || [ "$servers $group_size $preset $worker" = "$(setting servers) $(
            setting group-size) $(setting build) $(setting worker)" ] ||
            fail "lab \"$lab\" is up with $(setting servers) servers, group size" \
                "$(setting group-size), build $(setting build), worker $(setting worker):" \
                "deploy/pair$(lab_option) down first"
        return
    fi
    mkdir -p "$state/setting"
    echo "$servers" >"$state/setting/servers"
    echo "$listed" >"$state/setting/listed"
    echo "$group_size" >"$state/setting/group-size"
    echo "$worker" >"$state/setting/worker"
    echo "$preset" >"$state/setting/build" # the last: now the lab is known to be up
}

verb_up() {
    local host again=''
    if is_up; then
        again=1
    elif [ -n "$(net_namespaces)" ]; then # what a crash left, its state lost
        verb_down
    fi
    mkdir -p "$state" || mkdir -p "$state" || fail "cannot make $state" # another's rmdir
    read_settings "$@"
    use_build "$(setting build)"
    if [ -z "$as_built$again" ]; then
        "$top/deploy/install" run || exit
        "$top/deploy/build" "$(setting build)" || exit
    fi
    [ -z "$again" ] || echo "lab: \"$lab\" is up already; repairing what is missing"
    [ -n "$again" ] || open_to_user
    net_up
    config_write
    for host in $(hosts); do
        [ -z "$again" ] || mend "$host"
        start_host "$host"
    done
    # shellcheck disable=SC2046 # one word a server
    join_servers $(strangers)
    wait_until_ready
    echo "lab: \"$lab\" is up: ns1 and ns2 answer, $(setting servers) servers." \
        "Try: deploy/pair$(lab_option) status, dig, demo; then down"
}

verb_down() {
    local node pids
    for node in ns1 ns2; do
        cgroup_thaw $node
    done
    pids=$(net_pids | tr '\n' ' ')
    # Nobody is to take over from anybody now, so nobody is asked to wait for that.
    # shellcheck disable=SC2086 # one word a pid
    [ -z "${pids// /}" ] || { kill -KILL $pids && gone_within 50 $pids; } 2>/dev/null
    net_down
    cgroup_down
    rm -rf "$state" "/run/tandem-lab-$lab.lock" "$copies"
    rmdir /run/tandem-lab "${copies%/*}" 2>/dev/null
    echo "lab: \"$lab\" is down"
}
