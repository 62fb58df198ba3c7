#!/bin/bash
# A thousand agents. A node that was killed has all of them back within ten seconds, its partner
# answers meanwhile, and neither floods its log. All agents restarted take no server out of the
# answers. Half of them dead at once freeze their pool, and that is told; a node that is cut off
# from all of them takes none out and claims nothing. On fewer than four cores, which both nodes and
# all agents share, two hundred: a handshake costs some milliseconds at each end. TANDEM_AGENTS: so
# many. On a machine so busy with other work that agents fall silent by themselves, what is counted
# in lines is tried again, and not judged in the end.
# with --long
# alone
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

agents=${TANDEM_AGENTS-$(($(nproc) < 4 ? 200 : 1000))}
readonly agents
readonly state=/run/tandem-lab/$lab
readonly busy=${TANDEM_SLACK-5} # so many times more, on a machine that others use
readonly up_within_s=180 # on a busy machine
readonly back_within_ms=10000
readonly lines_most=$((50 * busy)) # of each log for a node that came back; ten a second and reason
readonly verdicts_most=$((agents * busy / 10)) # of a node, while all agents restart
readonly absent_within_ms=2000                  # as long as the pool waits for a report
readonly frozen_within_s=10                     # that, and a busy machine
readonly deaf_ms=8000
readonly busy_percent_most=30 # of ten seconds in which somebody waits for a core, without the crowd

# ---- the crowd ----

# list_crowd: the crowd's servers and their pool, beside those of the lab, in force on both nodes.
list_crowd() {
    local folder=$work/next
    mkdir "$folder"
    mkdir -m 700 "$state/keys/crowd"
    cp "$state/tandem.yaml" "$state/tandem.example.zone" "$folder"
    "$build/tests/tandem-crowd" keys "$state/keys/crowd" "$agents" >"$work/servers" ||
        fail "no keys"
    sed -i "s/servers: all/servers: [media1]/; /^servers:/r $work/servers" "$folder/tandem.yaml"
    echo "  crowd: {name: crowd.tandem.example, group-size: 50, rounds: 1, ports: [1755, 80]," \
        "ttl: 5s, servers: [$(seq -s , -f crowd%g "$agents")]}" >>"$folder/tandem.yaml"
    node_says ns1 apply "$folder/tandem.yaml" >"$work/said" || fail "apply: $(cat "$work/said")"
}

# begin_crowd: sets orders, a descriptor that no program of the lab is to inherit.
begin_crowd() {
    mkfifo "$work/orders"
    "$top/deploy/pair" --lab "$lab" run client "$build/tests/tandem-crowd" run \
        "$state/agents/media1.yaml" "$state/keys/crowd" "$agents" <"$work/orders" >"$work/crowd" &
    exec {orders}>"$work/orders"
}

order() {
    echo "$*" >&"$orders"
}

ups() {
    grep -c '^up' "$work/crowd"
}

# is_up_again COUNT: the crowd has said so more often.
is_up_again() {
    [ "$(ups)" -gt "$1" ]
}

# all_up NODE: every agent's server is, there.
all_up() {
    grep -qE "^crowd .* $agents/$agents " <<<"$(node_says "$1" status)"
}

are_all_up() {
    all_up ns1 && all_up ns2
}

is_calm() {
    are_all_up && grep -qE '^crowd .* ready$' <<<"$(node_says ns1 status)"
}

# quiet_pair VERB...: as pair, for what the lab starts.
quiet_pair() {
    pair "$@" {orders}>&-
}

# is_amiss SENTENCE: of what is only true where agents get the processor time that they need.
is_amiss() {
    [ "$waits_percent" -le $busy_percent_most ] || skip "not judged, somebody waits for a core in" \
        "$waits_percent % of the time without the crowd: $*"
    fail "$*"
}

# ---- what is measured ----

# lines NODE: of its log.
lines() {
    wc -l <"$state/log/$1"
}

# verdicts NODE FROM-LINE: how many it has told of since, with those it only counted.
verdicts() {
    tail -n "+$(($2 + 1))" "$state/log/$1" | awk '
        /^verdict crowd/ { told++ }
        /^log reason=(silent|silent-frozen|listening) suppressed=/ {
            split($3, count, "="); told += count[2] }
        END { print told + 0 }'
}

# p99_us SINCE_US UNTIL_US: of what the client asked ns2 then; unanswered is a second.
p99_us() {
    awk -v since="$1" -v until="$2" '$1 >= since && $1 < until {
        print $3 == "NOERROR" ? $2 - $1 : 1000000 }' "$work/dns" | sort -n |
        awk '{ all[NR] = $1 } END { print all[int(NR * 0.99)] + 0; exit NR < 1000 }' ||
        fail "ns2 was not asked"
}

# watch_absent: until ended, a line "TICK MS SERVER" for each server that ns2 does not name then.
watch_absent() {
    local tick=0
    while tick=$((tick + 1)); do
        node_says ns2 servers | awk -v tick=$tick -v ms="$(now_ms)" \
            '$1 ~ /^crowd/ && $3 != "up" { print tick, ms, $1 }'
        pause 0.2
    done
}

# absent_ms: the longest that one server was absent at each look.
absent_ms() {
    awk '{
        if (last[$3] != $1 - 1) since[$3] = $2
        last[$3] = $1
        if ($2 - since[$3] > most) most = $2 - since[$3]
    } END { print most + 0 }' "$work/absent"
}

# ---- what is done ----

# kill_and_heal: sets back_ms, calm_us, busy_us, and told: the log lines of each node.
kill_and_heal() {
    local said began_us healed_ms node
    local -A from=()
    began_us=$(now_us)
    pause 3
    calm_us=$(p99_us "$began_us" "$(now_us)") || fail "$calm_us"
    for node in ns1 ns2; do
        from[$node]=$(lines $node)
    done
    said=$(ups)
    began_us=$(now_us)
    quiet_pair kill ns1 --hard
    pause 0.5
    quiet_pair heal ns1
    healed_ms=$(now_ms)
    assert_eventually $up_within_s is_up_again "$said"
    back_ms=$(($(now_ms) - healed_ms))
    assert_eventually 10 all_up ns1
    pause 1.2 # what was asked last is answered, or given up
    busy_us=$(p99_us "$began_us" $(($(now_us) - 1200000))) || fail "$busy_us"
    assert_eventually 30 is_calm
    for node in ns1 ns2; do
        told[$node]=$(($(lines $node) - from[$node]))
    done
}

# restart_all: sets restart_ms, absent_ms and storm: the verdicts that ns2 told of.
restart_all() {
    local from watcher said
    from=$(lines ns2)
    said=$(ups)
    watch_absent >"$work/absent" &
    watcher=$!
    order restart 5
    assert_eventually $up_within_s is_up_again "$said"
    restart_ms=$(sed -n 's/^up .*took_ms=\([0-9]*\).*/\1/p' "$work/crowd" | tail -n 1)
    assert_eventually 30 is_calm
    kill $watcher
    wait $watcher
    absent_ms=$(absent_ms)
    storm=$(verdicts ns2 "$from")
}

# freezes NODE: the crowd's pool, and an alarm says so.
freezes() {
    local said
    said=$(node_says "$1" status)
    grep -qE '^crowd .*FROZEN' <<<"$said" && grep -q 'pool crowd is frozen' <<<"$said"
}

# half_is_silent NODE: no more of the crowd's servers say themselves that they are up.
half_is_silent() {
    [ "$(node_says "$1" servers | awk '$1 ~ /^crowd/ && $3 == "up" && $4 == "listening"' |
        wc -l)" -le $((agents / 2)) ]
}

# named FIRST LAST: how many of the crowd's servers so numbered were named since since_us.
named() {
    awk -v since="$since_us" -v first="$1" -v last="$2" '$1 > since && $3 == "NOERROR" {
        split($4, part, ".")
        number = part[3] * 256 + part[4]
        if (number >= first && number <= last) seen[number]
    } END { for (number in seen) count++; print count + 0 }' "$work/dns"
}

declare -A told=()
lab_up --servers 1 --group-size 1
list_crowd
waits_percent=$(sed -n 's/^some avg10=\([0-9]*\).*/\1/p' /proc/pressure/cpu 2>/dev/null)
: "${waits_percent:=0}" # a kernel that does not tell
began_ms=$(now_ms)
begin_crowd
assert_eventually $up_within_s is_up_again 0
first_ms=$(($(now_ms) - began_ms))
assert_eventually 30 is_calm
asking "$work/dns" --server "$ns2" --every 1 --name crowd.tandem.example
assert_eventually 5 grep -q NOERROR "$work/dns"

# A node that comes back.
for try in 1 2 3; do
    kill_and_heal
    p99_most_us=$((2 * calm_us + 10000 * busy))
    [ "${told[ns1]}" -gt $lines_most ] || [ "${told[ns2]}" -gt $lines_most ] ||
        [ "$busy_us" -gt $p99_most_us ] || break
    [ $try -lt 3 ] || is_amiss "${told[ns1]} and ${told[ns2]} lines in the logs, and a p99 of" \
        "$busy_us us after $calm_us, each time too much"
done
echo "back after $back_ms ms, ${told[ns1]} and ${told[ns2]} lines, p99 $busy_us us after $calm_us"
assert_at_most $back_within_ms "$back_ms" "all agents are back after (ms)"

# All agents restarted.
for try in 1 2 3; do
    restart_all
    [ "$storm" -gt $verdicts_most ] || break
    [ $try -lt 3 ] || is_amiss "$storm verdicts while all agents restarted, each time too many"
done
assert_at_most $absent_within_ms "$absent_ms" "a restarted server was out of the answers for (ms)"

# Half of them dead at once: they died, or the nodes are deaf. Who lives is named as before.
order die $((agents / 2))
for node in ns1 ns2; do
    assert_eventually $frozen_within_s freezes $node
    assert_eventually $frozen_within_s half_is_silent $node
    all_up $node || fail "$node takes servers out although it is frozen"
done
since_us=$(now_us)
pause 3
living=$(named $((agents / 2 + 1)) "$agents")
[ "$living" -ge 10 ] || fail "only $living of the servers that live are named"
said=$(ups)
order restart 1
assert_eventually $up_within_s is_up_again "$said"
assert_eventually 30 is_calm

# A node without its uplink: it alone is deaf.
from=$(lines ns1)
quiet_pair kill ns1 --unplug
until_ms=$(($(now_ms) + deaf_ms))
while [ "$(now_ms)" -lt $until_ms ]; do
    all_up ns1 || fail "ns1, cut off, takes out servers: $(node_says ns1 status)"
    pause 0.2
done
tail -n "+$((from + 1))" "$state/log/ns1" | sed -n '/^guardian lan .* isolated/,$p' >"$work/deaf"
[ -s "$work/deaf" ] || fail "ns1 does not say that it is cut off"
! grep -q -- '-> active' "$work/deaf" || fail "ns1, cut off, claims: $(cat "$work/deaf")"
quiet_pair heal ns1
assert_eventually 60 is_calm
order quit
conclude "$agents agents up after $first_ms ms; all back on a node killed and healed after" \
    "$back_ms ms, ${told[ns1]} and ${told[ns2]} log lines, p99 of its partner $busy_us us" \
    "($calm_us before); all restarted in $restart_ms ms, $storm verdicts, one out for" \
    "$absent_ms ms; half dead: $living of the others named"
