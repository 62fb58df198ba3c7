#!/bin/bash
# Neither after an ordinary end nor after a crash that lost the lab's state; and another lab stays.
. "$(dirname "$0")/harness.sh"

left() {
    grep -q "^$lab-" <<<"$(ip netns list)" || [ -e "/run/tandem-lab/$lab" ] ||
        [ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "tandem-lab-$lab-*")" ] ||
        pgrep -f "/run/tandem-lab/$lab/" >/dev/null
}

lab_up --servers 1
pids=$(for host in ns1 ns2 media1; do ip netns pids "$lab-$host"; done)
[ "$(wc -w <<<"$pids")" -ge 5 ] || fail "too few processes: $pids"
pair kill media1 --stop
pair kill ns1 --unplug
pair kill ns2 --freeze
pair down >/dev/null
! left || fail "something was left"

lab_up --servers 1
pids="$pids $(for host in ns1 ns2 media1; do ip netns pids "$lab-$host"; done)"
pair kill ns1 --freeze
rm -rf "/run/tandem-lab/$lab"
pair down >/dev/null
! left || fail "something was left after the state was lost"
for pid in $pids; do
    ! grep -qs tandem "/proc/$pid/cmdline" || fail "process $pid still lives"
done
conclude "$(wc -w <<<"$pids") processes, all ended"
