#!/bin/bash
# ns1 is started with the rights that deploy/tandem.service grants, ns2 by root: both programs of
# both end up with the rights of failover/rights.h and no other, and do their work with them.
# long
. "$(dirname "$0")/harness.sh"

unit=$top/deploy/tandem.service
if command -v systemd-analyze >/dev/null; then
    for file in tandem.service tandem-agent.service; do
        sed "s|^ExecStart=/usr/local/sbin/|ExecStart=$build/|" "$top/deploy/$file" >"$work/$file"
        said=$(systemd-analyze verify --man=no "$work/$file" 2>&1)
        [ -z "$said" ] || fail "systemd-analyze verify: $said"
    done
fi

setting() {
    sed -n "s/^$1=//p" "$unit"
}

# The unit's list of capabilities as setpriv takes it: -all,+net_admin,...
capabilities() {
    local list
    list=$(setting "$1")
    list=${list//CAP_/+}
    list=${list,,}
    echo "-all,${list// /,}"
}

# mask NAME...: these capabilities as /proc shows a set.
mask() {
    local -A bit=([net_bind_service]=10 [net_admin]=12 [net_raw]=13 [ipc_lock]=14 [sys_nice]=23)
    local name sum=0
    for name in "$@"; do
        sum=$((sum | 1 << bit[$name]))
    done
    printf '%016x\n' $sum
}

# limit LETTER VALUE: ulimit, where this machine allows so much.
limit() {
    local hard
    hard=$(ulimit -H "-$1")
    if [ "$hard" = unlimited ] || [ "$hard" -ge "$2" ]; then
        ulimit "-$1" "$2"
    fi
}

as_unit=(setpriv --reuid "$(setting User)" --regid "$(setting Group)" --clear-groups --no-new-privs
    --inh-caps "$(capabilities AmbientCapabilities)"
    --ambient-caps "$(capabilities AmbientCapabilities)"
    --bounding-set "$(capabilities CapabilityBoundingSet)")

# assert_status PID FIELD VALUE: of every thread of it. Its status is read at once: read line by
# line it changes its length meanwhile.
assert_status() {
    local thread name found status
    for thread in "/proc/$1/task/"*; do
        status=$(<"$thread/status")
        while IFS=$'\t' read -r name found && [ "$name" != "$2:" ]; do :; done <<<"$status"
        found=${found//$'\t'/ }
        [ "${found% }" = "$3" ] ||
            fail "$(cat "$thread/comm") of $(readlink "/proc/$1/exe"): $2 is $found, not $3"
    done
}

# assert_rights PID PERMITTED EFFECTIVE PASSED_ON
assert_rights() {
    local id
    id=$(id -u tandem)
    assert_status "$1" Uid "$id $id $id $id"
    id=$(id -g tandem)
    assert_status "$1" Gid "$id $id $id $id"
    assert_status "$1" Groups ""
    assert_status "$1" CapPrm "$2"
    assert_status "$1" CapEff "$3"
    assert_status "$1" CapInh "$4"
    assert_status "$1" CapAmb "$4"
    assert_status "$1" CapBnd "$(mask)"
    assert_status "$1" NoNewPrivs 1
    # What may not be dumped or traced belongs to root in /proc.
    [ "$(stat -c %U "/proc/$1/environ")" = root ] || fail "process $1 may be dumped"
}

size_kb() {
    awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}

# assert_guardian PID, assert_worker PID
assert_guardian() {
    local guards=(net_admin net_raw ipc_lock sys_nice) thread
    assert_rights "$1" "$(mask "${guards[@]}" net_bind_service)" "$(mask "${guards[@]}")" \
        "$(mask net_bind_service)"
    rss_kb=$(size_kb "$1" VmRSS)
    assert_at_most 8192 "$rss_kb" "resident memory of tandemd (KB)"
    [ "$(size_kb "$1" VmLck)" -ge $((rss_kb / 2)) ] || fail "tandemd is not locked into memory"
    for thread in "/proc/$1/task/"*; do
        grep -q 'policy: SCHED_FIFO|SCHED_RESET_ON_FORK$' <<<"$(chrt -p "${thread##*/}")" ||
            fail "a thread of tandemd runs as: $(chrt -p "${thread##*/}")"
    done
}

assert_worker() {
    assert_rights "$1" "$(mask)" "$(mask)" "$(mask)"
    [[ $(chrt -p "$1") == *SCHED_OTHER* ]] || fail "the worker runs as: $(chrt -p "$1")"
    for thread in "/proc/$1/task/"*; do
        nice=-10
        ! grep -qxE 'clerk|builder' "$thread/comm" || nice=0
        [ "$(ps -L -o tid=,ni= -p "$1" | awk -v tid="${thread##*/}" '$1 == tid { print $2 }')" = \
            $nice ] ||
            fail "$(cat "$thread/comm") of the worker is not nice by $nice"
    done
    [ "$(size_kb "$1" VmLck)" = 0 ] || fail "the worker is locked into memory"
}

# guardian_of NODE, worker_of NODE: its pid.
guardian_of() {
    pgrep -x tandemd --ns "$(lan_of "$1")" --nslist net
}

worker_of() {
    pgrep -P "$(guardian_of "$1")"
}

lan_of() {
    ip netns pids "$lab-$1" | head -1
}

# answers_soon: within 5 s ns1 answers, on its own address.
answers_soon() {
    local until=$((SECONDS + 5))
    until [[ $(ask "$ns1") == NOERROR* ]]; do
        [ $SECONDS -lt $until ] || fail "ns1 does not answer: $(tail -3 "$work/said")"
        pause 0.05
    done
}

# start_ns1: with the unit's rights; what it says goes through a pipe, as to the journal.
start_ns1() {
    limit l $(($(setting LimitMEMLOCK | tr -d M) << 10))
    limit r "$(setting LimitRTPRIO)"
    limit c "$(setting LimitCORE)"
    limit n "$(setting LimitNOFILE)"
    ip netns exec "$lab-ns1" "${as_unit[@]}" "$programs/tandemd" \
        --config "/run/tandem-lab/$lab/tandem.yaml" --node ns1 </dev/null 2>&1 |
        cat >>"$work/said"
    return "${PIPESTATUS[0]}"
}

# refused SENTENCE: ns1 does not start, and says why.
refused() {
    : >"$work/said"
    (start_ns1)
    [ $? = 111 ] || fail "tandemd started, or not with 111: $(cat "$work/said")"
    grep -q "$1" "$work/said" || fail "no '$1' in: $(cat "$work/said")"
}

# disk_bytes PID: what its loop has had read and written by a disk, so far. Not of the process: to
# that the kernel adds what its children did, once they have ended.
disk_bytes() {
    awk '/^(read|write)_bytes/ { sum += $2 } END { print sum }' "/proc/$1/task/$1/io"
}

lab_up --servers 1
programs=$(dirname "$(readlink "/proc/$(guardian_of ns2)/exe")")
assert_guardian "$(guardian_of ns2)"
assert_worker "$(worker_of ns2)"

pair kill ns1
key=/run/tandem-lab/$lab/keys/beat.key
chmod 640 "$key"
refused 'beat.key is open to others.*chmod 600'
chmod 600 "$key"
chown root "$key"
refused 'beat.key: Permission denied; give the file'
chown tandem "$key"

start_ns1 &
assert_eventually 5 grep -q 'starting -> alive' "$work/said"
guardian=$(guardian_of ns1)
worker=$(worker_of ns1)
assert_guardian "$guardian"
assert_worker "$worker"
! grep -q not-allowed "$work/said" || fail "$(grep not-allowed "$work/said")"

# It holds its address and answers there; so does its next worker, and all of that without a disk.
assert_eventually 8 grep -q 'home backup -> active.*home=ns1' "$work/said"
answers_soon
began_bytes=$(disk_bytes "$guardian")
kill -KILL "$worker"
assert_eventually 5 grep -q 'waiting -> starting' "$work/said"
answers_soon
assert_eventually 5 test "$(grep -c 'starting -> alive' "$work/said")" = 2
assert_worker "$(worker_of ns1)"
assert_guardian "$guardian"
[ "$(disk_bytes "$guardian")" = "$began_bytes" ] || fail "tandemd has used a disk"
for fd in "/proc/$guardian/fd/"*; do
    case $(readlink "$fd") in
    socket:* | pipe:* | anon_inode:* | /memfd:* | /dev/null) ;;
    *) fail "tandemd has a file open: $(readlink "$fd")" ;;
    esac
done
conclude "four capabilities and $rss_kb KB locked in tandemd, none in the worker"
