#!/bin/bash
# The worker is stopped (SIGSTOP): alive, answering nothing. The guardian finds it unfit within a
# moment; one that goes on is fit again, one that does not is killed after 3 s and started anew.
. "$(dirname "$0")/solo"

fit() { [ "$(grep 'guardian gate' "$work/log" | tail -n 1 | grep -c 'unfit -> fit')" = 1 ]; }
unfit() { ! fit; }
answered() {
    dig @127.0.0.1 -p 5300 +tries=1 +time=1 ns1.tandem.example 2>/dev/null |
        grep -q 'status: NOERROR'
}

# freeze: stops the worker; sets took_ms to how long the guardian took to say so.
freeze() {
    local began
    eventually "the worker is fit" fit
    began=$(now_us)
    kill -STOP "$(worker_pid)"
    eventually "the worker is unfit" unfit
    logged "gate fit -> unfit reason=thread-silent" || fail "another reason"
    took_ms=$((($(logged_us "gate fit -> unfit") - began) / 1000))
    [ $took_ms -ge 40 ] || fail "unfit after $took_ms ms: too soon to be a judgement"
    [ $took_ms -le 1000 ] || fail "unfit after $took_ms ms, at most 1000"
}

start "$build/tandem-worker"
slowest_ms=0
for round in 1 2 3 4 5 6 7 8 9 10; do
    freeze
    [ $took_ms -le $slowest_ms ] || slowest_ms=$took_ms
    sleep 0.0$round
    kill -CONT "$(worker_pid)"
done
eventually "the worker is fit again" fit
sleep 3.2
lives 2 && fail "a worker that went on was killed"
answered || fail "it does not answer"

first=$(worker_pid)
freeze
eventually "the hung worker is killed" logged "alive -> dead reason=hang pid=$first"
hung_ms=$((($(logged_us "reason=hang") - $(logged_us "gate fit -> unfit")) / 1000))
[ $hung_ms -ge 2900 ] || fail "killed $hung_ms ms after it was unfit, not 3 s"
[ $hung_ms -le 6000 ] || fail "killed $hung_ms ms after it was unfit, not 3 s"
eventually "another follows" lives 2
eventually "it is fit" fit
answered || fail "the next life does not answer"
logged "answered -> dropped" && fail "a stopped process blames a query"
stop
echo "unfit within $slowest_ms ms in 10 freezes, killed after $hung_ms ms"
