#!/bin/bash
# alone: its times are VRRP's own. ns1 is Tandem, ns2 is keepalived: first multicast, of both
# families; then unicast, of IPv4 alone (keepalived 2.2.7 sends none in IPv6).
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"
PATH=$PATH:/usr/sbin
command -v keepalived >/dev/null || fail "keepalived is missing: deploy/install test"
state=/run/tandem-lab/$lab
# shellcheck disable=SC2034 # open_to_user reads it
copies=/var/lib/tandem-lab/$lab
programs=
for part in user net processes; do
    # shellcheck source=/dev/null
    . "$top/deploy/lab/$part.sh"
done

# ---- this test's own lab: two nodes and who asks ----

hosts() {
    printf '%s\n' ns1 ns2 client
}

log() {
    echo "$state/log/$1"
}

logged() { # NODE PATTERN
    grep -q -- "$2" "$(log "$1")"
}

times() { # NODE PATTERN
    grep -c -- "$2" "$(log "$1")"
}

ended() { # NODE
    ! is_running "$1"
}

link_local() {
    inside "$1" ip -6 -o addr show dev lan scope link | sed -n 's/.*inet6 \(fe80[^/]*\)\/64.*/\1/p'
}

document() {
    local own6='' other6='' home6='' home6_other='' multicast=false
    if [ $unicast = 0 ]; then
        multicast=true
        own6=', "2001:db8:53::11"' other6=", \"$(link_local ns2)\""
        home6=$', "2001:db8:53::53"]\n    link-local: "fe80::53"'
        home6_other=$', "2001:db8:53::54"]\n    link-local: "fe80::54"'
    fi
    cat <<END
format: 1
cluster: beside
nodes:
  ns1:
    interface: lan
    own: [192.0.2.11$own6]
    home: [192.0.2.53${home6:-]}
  ns2:
    own: [192.0.2.12$other6]
    home: [192.0.2.54${home6_other:-]}
failover: {interval: 100ms, partner: vrrp, multicast: $multicast}
paths: {state: $state/state, run: $state/run}
zones:
  tandem.example: tandem.example.zone
END
}

instance() { # HOME PRIORITY FAMILY VRID ADDRESS...
    local home=$1 priority=$2 family=$3 vrid=$4
    shift 4
    echo "vrrp_instance ${home}_$family {"
    printf '    %s\n' "version 3" "interface lan" "virtual_router_id $vrid" "priority $priority" \
        "advert_int $interval"
    [ $unicast = 0 ] ||
        printf '    %s\n' "unicast_src_ip 192.0.2.12" "unicast_peer {" "    192.0.2.11" "}"
    echo "    virtual_ipaddress {"
    printf '        %s dev lan\n' "$@"
    printf '    }\n}\n'
}

keepalived_config() {
    printf '%s\n' "global_defs {" "    vrrp_version 3" "    vrrp_rt_priority 50" \
        "    vrrp_rlimit_rttime 1000000" "    vrrp_no_swap" "}"
    instance ns1 100 4 53 192.0.2.53/32
    instance ns2 200 4 54 192.0.2.54/32
    [ $unicast = 0 ] || return 0
    instance ns1 100 6 53 fe80::53/128 2001:db8:53::53/128
    instance ns2 200 6 54 fe80::54/128 2001:db8:53::54/128
}

begin_tandem() {
    : >"$(log ns1)"
    start ns1 ns1 "$programs/tandemd" --config "$state/tandem.yaml" --node ns1 \
        --worker "$programs/tandem-worker"
}

begin_keepalived() {
    rm -f "$state/run/"*.pid # each its own: labs share the machine's pids
    : >"$(log ns2)"
    start ns2 ns2 keepalived --dont-fork --log-console --log-detail --vrrp \
        --use-file="$state/keepalived" --pid="$state/run/ns2.pid" \
        --vrrp_pid="$state/run/ns2.vrrp.pid" --checkers_pid="$state/run/ns2.checkers.pid"
}

holds_home() { # NODE HOME: all of its addresses
    local last=$((52 + ${2#ns}))
    [ "$(inside "$1" ip -o addr show dev lan |
        grep -cE " (192\.0\.2\.|2001:db8:53::|fe80::)$last/")" = $addresses ]
}

lacks() { # NODE HOME: each of them
    local last=$((52 + ${2#ns}))
    ! grep -qE " (192\.0\.2\.|2001:db8:53::|fe80::)$last/" \
        <<<"$(inside "$1" ip -o addr show dev lan)"
}

answers_on() { # ADDRESS
    inside client "$build/tandem-lab-ask" --server "$1" --type A --name ns1.tandem.example \
        --count 1 >"$work/answer" && grep -q NOERROR "$work/answer"
}

each_at_home() {
    holds_home ns1 ns1 && holds_home ns2 ns2 && lacks ns1 ns2 && lacks ns2 ns1
}

# Not for a moment only: who is started, or had no time, may first lose what it held.
settled() {
    each_at_home && answers_on "$ns1" && sleep 1 && each_at_home
}

# ---- what is promised, once for each way ----

# both_ways WHAT LEAST_MS MOST_MS: the times that VRRP allows to a take from the silent.
both_ways() {
    local what=$1 least_ms=$2 most_ms=$3 began pids
    begin_keepalived
    begin_tandem
    assert_eventually 30 settled
    inside ns1 "$build/tandemctl" --socket "$state/run/ns1.sock" status >"$work/status" ||
        fail "$what: exit status $? of status with each address at home"
    grep -q "^192.0.2.54 *ns2 *ns2 *- *backup" "$work/status" ||
        fail "$what: status does not give keepalived what is its own"

    # keepalived is killed: its addresses stay in its kernel, and its home is answered all the same.
    mapfile -t pids < <(ip netns pids "$lab-ns2")
    began=$(now_ms)
    kill -KILL "${pids[@]}"
    assert_eventually 5 holds_home ns1 ns2
    took_ms=$(($(now_ms) - began))
    assert_at_most "$most_ms" $took_ms "$what: a take from the killed (ms)"
    [ $took_ms -ge "$least_ms" ] || fail "$what: taken after $took_ms ms, before its interval"
    holds_home ns2 ns2 || fail "$what: keepalived's kernel lost its addresses: this shows nothing"
    for _ in 1 2 3; do # a client that has to ask where it is, and may be told by the dead one
        inside client ip neigh flush dev lan
        assert_eventually 2 answers_on "$ns2"
    done
    logged ns1 "backup -> active reason=partner-silent home=ns2 family=$family" ||
        fail "$what: not taken as from the silent"

    # It returns, and takes its own back; a planned stop of it is a goodbye.
    begin_keepalived
    assert_eventually 30 settled
    assert_eventually 5 logged ns1 "active -> .* home=ns2"
    kill -TERM "$(pid_of ns2)"
    assert_eventually 5 holds_home ns1 ns2
    logged ns1 "backup -> active reason=partner-left home=ns2" || fail "$what: no goodbye heard"
    assert_eventually 5 ended ns2
    begin_keepalived
    assert_eventually 30 settled

    # Tandem's planned stop is a goodbye, too.
    kill -TERM "$(pid_of ns1)"
    assert_eventually 5 holds_home ns2 ns1
    assert_eventually 2 lacks ns1 ns1
    logged ns2 "(ns1_4) Backup received priority 0 advertisement" || fail "$what: v4: no goodbye"
    [ $unicast = 1 ] || logged ns2 "(ns1_6) Backup received priority 0 advertisement" ||
        fail "$what: v6: no goodbye"
    assert_eventually 10 ended ns1

    # Home is preempted when it was fit for its hold, and not before.
    begin_tandem
    assert_eventually 10 logged ns1 "initialize -> backup reason=fit home=ns1 family=$family"
    began=$(now_ms)
    assert_eventually 15 each_at_home
    held_ms=$(($(now_ms) - began))
    logged ns1 "backup -> active reason=preempt home=ns1" || fail "$what: not by preemption"
    [ $held_ms -ge 4800 ] || fail "$what: preempted after $held_ms ms, before its hold of 5 s"

    # Killed, it leaves nothing behind but what its leases allow.
    mapfile -t pids < <(node_pids ns1)
    kill -KILL "${pids[@]}"
    assert_eventually 5 holds_home ns2 ns1
    assert_eventually 4 lacks ns1 ns1
    mapfile -t pids < <(ip netns pids "$lab-ns2")
    kill -TERM "${pids[@]}"
    gone_within 50 "${pids[@]}" || fail "$what: keepalived does not end"
}

mkdir -p "$state/run" "$state/log" "$state/pid" "$state/state" "$state/setting"
echo 0 >"$state/setting/servers"
basename "$build" >"$state/setting/build"
open_to_user
chown tandem: "$state/state" "$state/run"
net_lan
# shellcheck disable=SC2046 # one word a host
net_hosts $(hosts)
# shellcheck disable=SC2016 # $TTL is the zone's
printf '%s\n' '$TTL 60' '@ SOA ns1 admin 1 3600 600 86400 60' '@ NS ns1' 'ns1 A 192.0.2.53' \
    >"$state/tandem.example.zone"

unicast=0 interval=0.1 addresses=3 family=IPv6
document >"$state/tandem.yaml"
keepalived_config >"$state/keepalived"
status=0
refused=$("$programs/tandemd" --config "$state/tandem.yaml" --node ns2 2>&1) || status=$?
[ $status = 100 ] || fail "keepalived's node is not refused: $refused"
[[ $refused == *"ns2 of "*" is a router of another make"* ]] || fail "refused, but: $refused"
both_ways multicast 200 1000
! logged ns1 "guardian advertisement" || fail "keepalived advertises the same, but it is told of"
multicast_ms=$took_ms

# An interval of its own: it is learned, and told of once.
unicast=1 interval=0.2 addresses=1 family=IPv4
document >"$state/tandem.yaml"
keepalived_config >"$state/keepalived"
both_ways unicast 450 1500
[ "$(times ns1 "same -> different reason=other-interval home=ns2 family=IPv4")" = 1 ] ||
    fail "another interval is not told of once"
conclude "killed: taken after $multicast_ms ms (100 ms), $took_ms ms (200 ms)," \
    "given back after $held_ms ms"
