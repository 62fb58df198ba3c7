#!/bin/bash
# The README's day, command by command: a pair without servers, servers that join, a rack drained
# for a while, a pool changed, what only a start reads, a node lost, the other promoted, and healed.
# All the while both addresses are asked: none is lost, but for the instant in which the node dies.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

folder=/run/tandem-lab/$lab

does() { # NODE ARGS...
    local said
    said=$(node_says "$@" 2>&1) || fail "exit status $? of $*: $said"
    [[ $said == done* ]] || fail "$* says: $said"
}
is_up() {
    verdict_is "$1" "$2" "up listening"
}
group_is() { # NODE SIZE
    [ "$(node_says "$1" status | awk '$1 == "stream" { print $4 }')" = "$2" ]
}
is_never_named() { # FILE ADDRESS SINCE_US
    [ "$(last_named_ms "$1" "$2" "$3")" -eq 0 ]
}
all_answered() { # HOW-MANY-MAY-LACK WHEN
    local node lost
    for node in ns1 ns2; do
        lost=$(awk '$3 != "NOERROR"' "$work/$node" | wc -l)
        [ "$lost" -le "$1" ] || fail "$2: $lost answers of $node lack of $(wc -l <"$work/$node")"
        answers=$((answers + $(wc -l <"$work/$node")))
    done
}
alarms() {
    node_says "$1" status | grep -A5 ALARMS
}
is_whole() { # the pair, as either node tells it
    node_says ns1 status >/dev/null && node_says ns2 status >/dev/null
}
is_home() {
    holds ns1 "$ns1" && holds ns2 "$ns2" && ! holds ns1 "$ns2" && ! holds ns2 "$ns1"
}
restarts() { # NODE: as systemctl restart does
    pair kill "$1" --plan
    pair heal "$1"
    assert_eventually 10 is_home
}
answers=0

# Install, and join.
lab_up_by_token --servers 3
pair add media4 >/dev/null
for node in ns1 ns2; do
    for server in media1 media2 media3 media4; do
        assert_eventually 5 is_up $node $server
    done
done
assert_eventually 10 is_whole
ask_both A 2

# Drain a rack.
for server in media1 media2; do
    does ns1 drain $server --for 2h --because "rack 7: a new switch"
done
pause 0.3
since=$(now_us)
pause 0.5
for node in ns1 ns2; do
    is_never_named "$work/$node" "$(address_of media1)" "$since" || fail "$node names media1"
done
[[ $(node_says ns2 orders) == *"rack 7: a new switch"* ]] || fail "ns2 does not say why"
for server in media1 media2; do
    does ns2 undrain $server
done

# Change a pool.
mkdir "$work/next"
cp "$folder/tandem.yaml" "$folder/tandem.example.zone" "$work/next"
sed -i 's/group-size: .*/group-size: 3/' "$work/next/tandem.yaml"
node_says ns1 check "$work/next/tandem.yaml" >/dev/null || fail "check refuses it"
[[ $(node_says ns1 diff "$work/next/tandem.yaml") == *"+    group-size: 3"* ]] || fail "no diff"
does ns1 apply "$work/next/tandem.yaml" --confirm 60s
for node in ns1 ns2; do
    group_is $node 3 || fail "$node has another group"
done
does ns1 confirm

# What only a start reads: one node after the other.
sed -i 's/^witness: .*/witness: [192.0.2.1]/' "$work/next/tandem.yaml"
said=$(node_says ns1 apply "$work/next/tandem.yaml")
[[ $said == *"restart needed for: witness"* ]] || fail "it is not said what takes a restart: $said"
node_says ns1 export "$work/exported" >/dev/null || fail "exit status $? of export"
install -m 644 "$work/exported/tandem.yaml" "$folder/tandem.yaml"
for node in ns2 ns1; do
    restarts $node
done
is_whole || fail "not all is well: $(alarms ns1)"
stop_asking
all_answered 0 "before the node is lost"

# Lose a node, promote the other, go on.
ask_both A 2
pair kill ns1 --hard
does ns2 promote
does ns2 drain media3 --because "its disk"
sed -i 's/group-size: .*/group-size: 2/' "$work/next/tandem.yaml"
assert_eventually 5 node_says ns2 apply "$work/next/tandem.yaml" --alone
pause 0.5
stop_asking
all_answered 60 "when the node is lost" # 2 ms each

# And heal.
ask_both A 2
pair heal ns1
assert_eventually 10 is_whole
group_is ns1 2 || fail "ns1 does not know what was applied while it was away"
[[ $(node_says ns1 history) == *"the writer is ns2; the partner: equal"* ]] ||
    fail "ns1 has another history"
[[ $(node_says ns1 orders) == *media3*drain*"its disk"* ]] || fail "ns1 does not know the order"
stop_asking
all_answered 0 "as the node returns"
conclude "$answers answers over a day of 10 steps"
