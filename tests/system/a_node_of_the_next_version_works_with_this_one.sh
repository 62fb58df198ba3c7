#!/bin/bash
# long
# A pair is upgraded one node after the other: ns1 is of this version; ns2 and the agent of media1
# become of the next, which speaks one protocol version more and says more in every message. Orders
# given on either stand on both, both name the same servers, nothing is refused and no alarm stands;
# what ns1 passed over is counted. Both ways round, for whichever is upgraded first.
# with --long
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

state=/run/tandem-lab/$lab

# become_next NODE: it stops as planned, and comes back as a node of the next version.
become_next() {
    pair kill "$1"
    echo "$build/tests/tandem-worker-next" >"$state/setting/worker"
    pair heal "$1"
    echo "$build/tandem-worker" >"$state/setting/worker"
}
# of_status NODE EXPRESSION: of the JSON that it answers with.
of_status() {
    node_says "$1" --json status | python3 -c "import json, sys
status = json.load(sys.stdin)
nodes = {node['name']: node for node in status['nodes']}
print(($2))"
}
count() { # NODE GROUP REASON
    node_says "$1" --json counters | python3 -c "import json, sys
print(json.load(sys.stdin)['node']['$2']['$3'])"
}
is_well() { # NODE: it sees a whole pair, and nothing to say of it
    [ "$(of_status "$1" "status['health'], len(status['alarms'])")" = "('healthy', 0)" ]
}
has_counted() { # NODE REASON
    [ "$(count "$1" passed_over "$2")" -gt 0 ]
}
says_order() { # NODE SUBJECT ORDER: among those in force
    node_says "$1" orders | awk -v subject="$2" -v order="$3" \
        '$1 == subject && $2 == order { found = 1 } END { exit !found }'
}
is_named_alone() { # NODE SERVER: in each of 20 answers
    asking "$work/asked" --server "${!1}" --every 5 --count 20
    wait $!
    [ "$(cut -d ' ' -f 3- "$work/asked" | sort -u)" = "NOERROR $(address_of "$2")" ]
}

lab_up --servers 2
for node in ns1 ns2; do
    assert_eventually 20 is_well $node
done
[ "$(count ns1 passed_over unknown-field)" = 0 ] || fail "this version says what it does not know"

become_next ns2
pair kill media1 --agent
cp "$build/tests/tandem-agent-next" "$work" # where user tandem can execute it
ip netns exec "$lab-media1" setpriv --reuid tandem --regid tandem --clear-groups \
    "$work/tandem-agent-next" --config "$state/agents/media1.yaml" >"$work/agent.log" 2>&1 &
for node in ns1 ns2; do
    assert_eventually 30 is_well $node
    assert_eventually 5 verdict_is $node media1 "up listening"
done
spoken=$(of_status ns1 "nodes['ns2']['protocol'], nodes['ns2']['document_format']")
[ "$spoken" = "(1, 1)" ] || fail "ns1 speaks $spoken with ns2"

# Orders of either, each in force on both.
node_says ns1 drain media2 >/dev/null || fail "exit status $? of an order on ns1"
node_says ns2 weight media1 50 --because "half of it" >/dev/null || fail "exit status $? on ns2"
for node in ns1 ns2; do
    assert_eventually 2 says_order $node media2 drain
    assert_eventually 2 says_order $node media1 weight-50
    assert_eventually 2 is_named_alone $node media1
done
node_says ns2 undrain media2 >/dev/null || fail "exit status $? of its end on ns2"
node_says ns1 drain media1 >/dev/null || fail "exit status $? of a drain on ns1"
for node in ns1 ns2; do
    assert_eventually 2 verdict_is $node media2 "up listening"
    assert_eventually 2 is_named_alone $node media2
done

for reason in unknown-field unknown-element unknown-kind unknown-value-field; do
    assert_eventually 3 has_counted ns1 $reason
done
refused=$(node_says ns1 --json counters | python3 -c "import json, sys
counters = json.load(sys.stdin)['node']
print({reason: count for group in ('messages_refused', 'records_refused', 'reports_refused',
       'orders_refused') for reason, count in counters[group].items()
       if count > 0 and reason != 'not-greeted'})")
[ "$refused" = "{}" ] || fail "ns1 refused $refused"
for node in ns1 ns2; do
    assert_eventually 20 is_well $node
done
passed=$(count ns1 passed_over unknown-field)

# The other one, too: what ns2 had is there, and with both of the next version that is spoken.
become_next ns1
for node in ns1 ns2; do
    assert_eventually 30 is_well $node
    assert_eventually 2 says_order $node media1 drain
done
spoken=$(of_status ns1 "nodes['ns2']['protocol']"),$(of_status ns2 "nodes['ns1']['protocol']")
[ "$spoken" = 2,2 ] || fail "two of the next version speak $spoken"
conclude "orders of both stood on both; ns1 passed over $passed fields of messages"
