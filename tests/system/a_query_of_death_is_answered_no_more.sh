#!/bin/bash
# A puppet in the worker's place dies with a query in hand: once by abort, once hung. The next life
# is the real worker: it drops that query, whoever asks, and answers every other.
. "$(dirname "$0")/solo"

export PUPPET_ORDERS=$work/orders PUPPET_QUERY=evil.tandem.example

# ask NAME [OPTION...]: the answer's status, or nothing. As the puppet writes its query: no flag, no
# EDNS.
ask() {
    local name=$1
    shift
    dig @127.0.0.1 -p 5300 +noedns +norecurse +noadflag +tries=1 +time=1 "$@" "$name" A 2>&1 |
        sed -n 's/.*status: \([A-Z]*\).*/\1/p'
}

counted() { # how many queries were dropped as poison
    "$build/tandemctl" --socket "$work/run/solo.sock" counters |
        awk '$1 == "dns.queries_refused.poison-query" { print $2 }'
}

# die ORDERS: a life of the puppet ends so, and the real worker's follows.
die() {
    echo "$1" >"$work/orders"
    start "$build/tests/puppet-worker"
    become "$build/tandem-worker"
    eventually "the real worker follows" lives 2
}

# drops: what the puppet had in hand is dropped, and nothing else.
drops() {
    local i
    for i in 1 2 3; do
        [ "$(ask evil.tandem.example)" = "" ] || fail "the query of death was answered"
    done
    [ "$(ask EVIL.Tandem.example)" = "" ] || fail "in capitals it was answered"
    [ "$(ask evil.tandem.example +tcp)" = "" ] || fail "over TCP it was answered"
    for i in 1 2 3 4 5; do
        [ "$(ask "host$i.tandem.example")" = NXDOMAIN ] || fail "another query was not answered"
    done
    [ "$(ask evil.tandem.example +edns)" = NXDOMAIN ] || fail "other bytes were not answered"
    [ "$(counted)" -ge 5 ] || fail "$(counted) counted as poison-query"
    eventually "the worker says so" logged "refuse query reason=poison-query count="
    ! lives 3 || fail "the worker died again"
}

die poisoned
logged "waiting reason=signal .* signal=6" ||
    fail "the puppet did not abort"
logged "query answered -> dropped reason=poison-query .*query=evil.tandem.example. type=1" ||
    fail "the guardian does not say what it died of"
drops
# Killed by hand it dies of nothing: what it has in hand then is innocent.
kill -KILL "$(worker_pid)"
eventually "the third life" lives 3
[ "$(ask evil.tandem.example)" = "" ] || fail "a third life answers what the first died of"
[ "$(grep -c 'answered -> dropped' "$work/log")" = 1 ] || fail "a killed worker left poison"
stop

die mute
logged "gate fit -> unfit reason=thread-silent thread=0" || fail "the hung thread was not found"
logged "alive -> dead reason=hang" || fail "the hung worker was not killed for hanging"
drops
stop
echo "dropped after an abort and after a hang; all else answered"
