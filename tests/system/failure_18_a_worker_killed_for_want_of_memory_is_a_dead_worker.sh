#!/bin/bash
# Row 18 of the failure catalogue: a node's control group has a megabyte to spare, and its operator
# has it read a zone of ten times as much. The kernel kills its worker, and each that follows; not
# its guardian. With memory it reads the zone and takes its home back.
# with --long
# shellcheck disable=SC2317 # the trap and assert_eventually ask its functions
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly records=60000 spare=1048576

# find_memory: sets root, limit, usage and killed to where control groups limit memory here.
find_memory() {
    local mount type options
    while read -r _ mount type options _; do
        if [[ $type = cgroup && ,$options, == *,memory,* ]]; then
            root=$mount limit=memory.limit_in_bytes usage=memory.usage_in_bytes
            killed=memory.oom_control unlimited=-1
            return
        elif [ "$type" = cgroup2 ] && grep -qsw memory "$mount/cgroup.subtree_control"; then
            root=$mount limit=memory.max usage=memory.current killed=memory.events unlimited=max
            return
        fi
    done </proc/self/mounts
    return 1
}
leave_group() {
    local status=$? pid
    while read -r pid; do
        echo "$pid" >"$root/cgroup.procs"
    done <"$group/cgroup.procs" 2>/dev/null
    rmdir "$group"
    return "$status"
}
kills() {
    sed -n 's/^oom_kill //p' "$group/$killed"
}
has_killed() { # AT LEAST
    [ "$(kills)" -ge "$1" ]
}

find_memory || skip "needs control groups that limit memory"
group=$root/tandem-lab-$lab-memory
lab_up --servers 1
mkdir "$group" || fail "cannot make $group"
trap 'leave_group; lab_down' EXIT

# Started in the group, all that ns1 takes is charged to it.
pair kill ns2 --hard
pair kill ns1 --hard
(
    echo "$BASHPID" >"$group/cgroup.procs"
    pair heal ns1
)
pair heal ns2
watch_addresses
guardian_of ns1
guardian=$value
echo $(($(cat "$group/$usage") + spare)) >"$group/$limit"
zone=/run/tandem-lab/$lab/tandem.example.zone
for ((i = 0; i < records; i++)); do
    echo "host$i IN A 192.0.2.1"
done >>"$zone"
forget
node_says ns1 reload >/dev/null 2>&1
assert_taken partner-unfit
assert_eventually 10 has_killed 3
kill -0 "$guardian" || fail "the guardian died too"
logged=$(grep -c 'worker dead -> waiting reason=signal .* signal=9' "/run/tandem-lab/$lab/log/ns1")
[ "$logged" -ge 3 ] || fail "the kernel killed $(kills) workers, and the log tells of $logged"
answered_by ns2 ns2 || fail "ns2 does not answer all: ${told_lines[*]}"
assert_few_lost ns2
forget
echo "$unlimited" >"$group/$limit"
assert_eventually $home_within_s is_home
assert_event ns1 "address ns1" "backup -> active reason=give-back"
[ "$(ask 192.0.2.11 A host7.tandem.example)" = "NOERROR 192.0.2.1" ] || fail "the zone is not read"
assert_few_lost ns1 ns2
conclude "replaced $took_ms ms after the order, killed $(kills) times, home again, $few lost"
