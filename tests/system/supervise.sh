#!/bin/bash
# tests/system/supervise.sh [BUILD] -- tandemd and its worker, in a network namespace of their own.
#
# The real tandemd guards tests/system/puppet_worker.c, a worker that does as it is told: it is
# killed, hangs, lies and exits, and the kernel's addresses and tandemd's log lines are looked at.
# Exit 0: all held; 1: something did not; 77: not root, or no network namespaces.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build/release}" && pwd) || exit 77
if [ -z "${TANDEM_NAMESPACE:-}" ]; then
    [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null || exit 77
    TANDEM_NAMESPACE=1 exec unshare -n "$0" "$build"
fi

for program in tandemd tests/puppet-worker; do
    [ -x "$build/$program" ] || { echo "supervise: $program is missing: build it first"; exit 1; }
done
work=$(mktemp -d) || exit 1
# Root's tandemd becomes user tandem, who must be able to read and execute what is here.
. "$here/../../deploy/lab/user.sh"
"$here/../../deploy/install" user || exit 77
chmod 755 "$work"
programs=$(programs_for_tandem "$build" "$work/programs") || exit 1
tandemd=$programs/tandemd
worker=$build/tests/puppet-worker
[ "$programs" = "$build" ] || worker=$programs/puppet-worker
guardian=
failures=0
export PUPPET_ORDERS=$work/orders
home4=192.0.2.53
home6=2001:db8:53::53

finish() {
    [ -n "$guardian" ] && kill -KILL "$guardian" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

check() { # CLAIM COMMAND...: run the command, say the claim
    local claim=$1
    shift
    if "$@"; then
        echo "ok      $claim"
    else
        echo "FAILED  $claim"
        sed 's/^/        | /' "$work/log" | tail -20
        failures=$((failures + 1))
    fi
}

now_us() { echo "${EPOCHREALTIME/./}"; }
logged() { grep -q -- "$1" "$work/log"; }
count() { grep -c -- "$1" "$work/log"; }

within() { # MILLISECONDS COMMAND...: true as soon as the command is
    local end=$(($(now_us) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_us)" -lt "$end" ] || return 1
        sleep 0.002
    done
}

held() { ip -o addr show dev lan | grep -q "inet6* $1/"; }
both_held() { held $home4 && held $home6; }
none_held() { ! held $home4 && ! held $home6; }
lives() { [ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
came_after() { [ "$(worker_pid)" != "$1" ]; }
never() { ! "$@"; }
worker_pid() { sed -n 's/.*starting -> alive.* pid=\([0-9]*\).*/\1/p' "$work/log" | tail -1; }
exits() { # CODE: the guardian has exited, with that code
    wait "$guardian"
    local code=$?
    guardian=
    [ "$code" = "$1" ]
}

stamp() { # the log, each line with the microsecond in which it came
    while IFS= read -r line; do
        echo "${EPOCHREALTIME/./} $line"
    done >>"$work/log"
}
stamp_of() { grep -- "$1" "$work/log" | tail -1 | cut -d' ' -f1; }

start() { # ORDERS: a new tandemd over an empty log
    echo "$1" >"$work/orders"
    : >"$work/log"
    "$tandemd" --config "$work/tandem.yaml" --node ns1 --worker "$worker" 2> >(stamp) &
    guardian=$!
}

stop() {
    kill -TERM "$guardian"
    exits 0
}

mkdir -m 700 "$work/keys"
printf '%s\n' 'JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6' >"$work/keys/beat.key"
chmod 600 "$work/keys/beat.key"

document() { # INTERFACE LINE
    cat >"$work/tandem.yaml" <<END
format: 1
cluster: supervise
nodes:
  ns1:
$1
    own: [192.0.2.11, 2001:db8:53::11]
    home: [$home4, $home6]
    key: "Yne@\$w-vo<fVvi]a<NY6T1ed:M\$fCG*[IaLV{hID"
  ns2:
$1
    own: [192.0.2.12, 2001:db8:53::12]
    home: [192.0.2.54, 2001:db8:53::54]
    key: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
zones:
  tandem.example: tandem.example.zone
END
}

own_addresses() { # without them no DNS thread can be probed
    ip addr add 192.0.2.11/24 dev lan
    ip addr add 2001:db8:53::11/64 dev lan nodad
}

ip link set lo up
ip link add lan type veth peer name lan-peer
ip link set lan up
ip link set lan-peer up
own_addresses
document "    interface: lan"

# ---- it holds its home addresses while the worker serves ----
ip addr add $home4/24 dev lan                # left behind by a careless hand
ip addr add 192.0.2.54/32 dev lan
start serve
check "READY makes it alive" \
    within 2000 logged "guardian worker starting -> alive reason=ready pid="
check "the home addresses are held" within 500 both_held
check "residual addresses are removed and said" test "$(count "reason=residual")" = 2
check "the partner, who is not there, is not waited for" \
    within 1000 logged "backup -> active reason=vacant home=ns2"
check "the worker is told what is held and why" \
    within 500 logged "puppet address $home4 held=1 reason=vacant"
check "the worker's sync is noted" within 500 logged "guardian sync unsynced -> synced"
check "IPv6 is deprecated, so never a source" \
    grep -q "$home6/128.*deprecated" <(ip -o addr show dev lan)
sleep 2.8
check "refreshed, it outlives its lease" both_held

# ---- the worker is killed ----
old=$(worker_pid)
before=$(now_us)
kill -KILL "$old"
check "a killed worker is noted within 1 s" \
    within 1000 logged "alive -> dead reason=owner-died pid=$old"
echo "        SIGKILL to the log line: $(($(stamp_of "owner-died pid=$old") - before)) us"
check "it is reaped with its signal" \
    within 1000 logged "reason=signal pid=$old signal=9 delay_ms=100"
check "it is alive again within 1 s" within 1000 came_after "$old"
check "and the addresses never went, for nobody else holds them" both_held
check "nothing was said about them" never logged "active -> "

# ---- the worker hangs, is told to reload, does not come back ----
kill -HUP "$guardian"
check "SIGHUP reaches the worker" within 1000 logged "puppet reloads"
echo exit-111 >"$work/orders"
kill -KILL "$(worker_pid)"
check "restarts back off" \
    within 3000 logged "waiting reason=exited pid=.* status=111 delay_ms=400"
check "and the addresses stay, for nobody else holds them" both_held
echo exit-100 >"$work/orders"
check "a later exit 100 is restarted too" \
    within 8000 logged "waiting reason=exited pid=.* status=100"
echo serve >"$work/orders"
check "and alive in the end" within 14000 logged "starting -> alive reason=ready"

# ---- an interface that is made anew, a worker that misbehaves ----
ip link del lan
check "a lost interface is noted once" \
    within 1000 logged "held -> failed reason=lease-failed interface=lan .*ENODEV"
ip link add lan type veth peer name lan-peer
ip link set lan up
ip link set lan-peer up
own_addresses
check "on a new one they are held again" within 1000 both_held
check "SIGTERM ends it with 0" stop

start deserter
check "a worker that closes its channel is killed" \
    within 2000 logged "alive -> dead reason=channel-ended"
echo liar >"$work/orders"
check "READY without a life is not believed" \
    within 2000 logged "starting -> dead reason=page-broken"
echo babbler >"$work/orders"
check "nonsense is refused" within 2000 logged "message -> refused reason=malformed"
check "and changes nothing else" within 2000 both_held
check "it is said once" test "$(count "reason=malformed")" = 1

# ---- the end ----
last=$(worker_pid)
check "SIGTERM ends it with 0" stop
check "its worker has ended" never lives "$last"
check "and its addresses are gone at once" none_held

start deaf
within 2000 both_held
before=$(now_us)
check "a deaf worker is killed at the end" stop
took=$((($(now_us) - before) / 1000))
check "after 3 s ($took ms)" test "$took" -ge 2900 -a "$took" -le 4000
check "with a line" within 1000 logged "stopping -> stopping reason=stop-timeout"

start serve
within 2000 both_held
within 1000 logged "starting -> alive"
last=$(worker_pid)
{
    kill -KILL "$guardian"
    wait "$guardian"
} 2>/dev/null
guardian=
check "a worker does not outlive its guardian" within 1000 never lives "$last"
check "and the kernel removes a dead guardian's addresses" within 3000 none_held

# ---- what it refuses to start with ----
start exit-100
check "a configuration refused at the first start ends it with 100" exits 100
document "    interface: wan"
start serve
check "a missing interface ends it with 111" exits 111
check "and says what to do" within 1000 logged "tandemd: interface wan of node ns1 cannot be used"
document "    interface: lan"
: >"$work/log"
setpriv --bounding-set -net_admin "$tandemd" --config "$work/tandem.yaml" --node ns1 \
    --worker "$worker" 2>>"$work/log"
check "a missing capability ends it with 111" test $? = 111
check "and says what to do" logged "tandemd: no permission .* CAP_NET_ADMIN"
"$tandemd" --config "$work/tandem.yaml" --node ns9 --worker "$worker" 2>>"$work/log"
check "an unknown node ends it with 100" test $? = 100
check "and names those there are" logged "has no node ns9: --node must be ns1 or ns2"
"$tandemd" --config "$work/none.yaml" --node ns1 --worker "$worker" 2>>"$work/log"
check "a missing document ends it with 100" test $? = 100
{ cat "$work/tandem.yaml" && echo "nonsense: 1"; } >"$work/mistake.yaml"
"$tandemd" --config "$work/mistake.yaml" --node ns1 --worker "$worker" 2>>"$work/log"
check "a mistake in the document ends it with 100" test $? = 100
check "and says where" logged "^$work/mistake.yaml:$(wc -l <"$work/mistake.yaml"):1: "
"$tandemd" --config "$work/tandem.yaml" --node ns1 --worker "$work/none" 2>>"$work/log"
check "a missing worker ends it with 111" test $? = 111
echo serve >"$work/orders"
checked=$("$tandemd" --config "$work/tandem.yaml" --node ns1 --worker "$worker" --check)
check "--check says ok" test "$? $checked" = "0 $work/tandem.yaml: ok"
echo exit-100 >"$work/orders"
checked=$("$tandemd" --config "$work/tandem.yaml" --node ns1 --worker "$worker" --check)
check "--check passes the worker's exit code on" test "$? $checked" = "100 "

[ "$failures" = 0 ] || { echo "supervise: $failures claims failed"; exit 1; }
echo "supervise: all held"
