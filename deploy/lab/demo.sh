# shellcheck shell=bash
# deploy/lab/demo.sh: the tour: every step says what it is about to show, shows the command that
# anybody could type, and its real output.
# shellcheck disable=SC2154 # top, lab, state and build are set by deploy/pair and processes.sh

readonly sentence_s=${TANDEM_DEMO_PAUSE_S-3} # to read what comes
readonly output_s=${TANDEM_DEMO_PAUSE_S-5}   # to read what came
readonly lost_after_s=1.3                    # what is unanswered for a second is lost
readonly home_within_tenths=300
bold='' plain=''
[ ! -t 1 ] || bold=$'\033[1m' plain=$'\033[0m'
told=''

# A sentence, once there was time for what stands above it.
say() {
    [ -z "$told" ] || sleep "$output_s"
    told=1
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
    sleep "$sentence_s"
}

# show ARGS...: a verb of deploy/pair, as one types it. A tour that cannot go on ends; exit 1 or 2
# is what tandemctl says of the pair, and part of the tour.
show() {
    echo "\$ deploy/pair$(lab_option) $*"
    "$top/deploy/pair" --lab "$lab" "$@" 2>&1 | sed 's/^/    /'
    [ "${PIPESTATUS[0]}" -lt 100 ] || fail "the tour ends here: that did not work, see above"
}

# ---- what a client that asks all the time sees ----

# begin_asking: the client asks the four service addresses, each once a millisecond.
begin_asking() {
    coproc asker {
        exec nsenter --net="/run/netns/$lab-client" -- "$build/tests/tandem-outage" \
            stream.tandem.example 192.0.2.53 2001:db8:53::53 192.0.2.54 2001:db8:53::54
    }
    # shellcheck disable=SC2154 # coproc sets asker
    exec {orders}>&"${asker[1]}" {replies}<&"${asker[0]}"
    sleep 0.5
    count_anew
}

end_asking() {
    exec {orders}>&- {replies}<&-
    kill "$asker_PID" 2>/dev/null
    wait "$asker_PID" 2>/dev/null
}

# order LINES ORDER...: prints what it answers.
order() {
    local lines=$1 line
    shift
    echo "$*" >&"$orders"
    while [ "$lines" -gt 0 ] && read -r -t 5 line <&"$replies"; do
        echo "$line"
        lines=$((lines - 1))
    done
}

count_anew() {
    order 1 begin >/dev/null
    order 1 mark >/dev/null
}

# counted NODE: a line an address: what became of its queries, and when that node answered first.
counted() {
    sleep $lost_after_s
    order 4 report "$1" | awk -v node="$1" '{
        for (i = 2; i <= NF; i++) {
            at = index($i, "=")
            is[substr($i, 1, at - 1)] = substr($i, at + 1)
        }
        printf "    %-16s %5d asked, %2d lost, %d failed", is["address"], is["asked"], is["lost"],
            is["failed"]
        first = is["first_ms"]
        print is["by"] ~ /,/ ? sprintf("; by %s after %.1f ms", node, first) : "; all by " is["by"]
    }' | sed 's/\(all by ns[12]\).*/\1/'
}

# show_stroke NODE HOW: a kill, counted from the instant of its stroke.
show_stroke() {
    local go killer
    echo "\$ deploy/pair$(lab_option) kill $*"
    : >"$state/ready"
    exec {go}> >(exec "$top/deploy/pair" --lab "$lab" kill "$@" --await >"$state/ready")
    killer=$!
    until grep -q '^ready' "$state/ready"; do
        kill -0 "$killer" 2>/dev/null || fail "the tour ends here: $1 cannot be killed"
        sleep 0.02
    done
    count_anew
    echo >&"$go"
    exec {go}>&-
    wait "$killer" || fail "the tour ends here: that did not work"
    rm -f "$state/ready"
}

# await_home NODE: until all that is asked of its addresses is answered by that node itself.
await_home() {
    local tries=$home_within_tenths
    until [ "$(order 4 who | awk -v nsid="nsid=$1" '
        { split($4, asked, "="); split($5, answered, "=") }
        $3 == nsid && asked[2] > 50 && asked[2] == answered[2]' | wc -l)" -eq 2 ]; do
        [ $((tries -= 1)) -gt 0 ] || fail "the tour ends here: $1 does not come home"
        sleep 0.1
    done
}

verb_demo() {
    [ $# -eq 0 ] || misuse "demo takes no arguments"
    if ! is_up; then
        say "No lab is up yet: first two nodes, a client, a gateway, and three servers, which" \
            "join by a token."
        "$top/deploy/pair" --lab "$lab" up || exit
        is_up || fail "the lab did not come up"
    fi
    show heal
    show join

    say "1. Two name servers share one view of three servers. Each speaks for the pair:"
    show ctl ns2 status

    say "2. Both answer for stream.tandem.example with the servers that have the most room:"
    show dig
    show dig

    say "3. We open 500 real connections to media1. Its agent tells both nodes at once," \
        "and media1 is named no more:"
    show load media1 500
    sleep 1
    show dig
    show dig

    say "4. What listens on media2's port 1755 dies. media2 leaves the answers within 0.3 s:"
    show kill media2 --port 1755
    sleep 0.3
    show dig
    show heal media2
    show load media1 0

    say "5. An operator drains media3 on ns1; the order holds on both nodes:"
    show ctl ns1 drain media3
    sleep 0.2
    show ctl ns2 servers
    show ctl ns2 undrain media3

    say "6. media1's agent is cut off from ns1: frames between the two are dropped in the bridge." \
        "What it reports reaches ns1 through ns2:"
    show cut media1 ns1
    show load media1 300
    sleep 1
    show ctl ns1 servers
    show join
    show load media1 0

    say "7. A client asks all four addresses a thousand times a second while ns1 is killed with" \
        "SIGKILL. ns2 answers on ns1's addresses too:"
    begin_asking
    show_stroke ns1 --hard
    counted ns2
    show ctl ns2 status

    say "8. ns1 starts again with an empty memory, has the whole table from ns2 at once, and" \
        "after five seconds its home. The client goes on asking:"
    count_anew
    show heal ns1
    await_home ns1
    counted ns1
    end_asking
    show ctl ns1 status

    say "9. A mistake in the document is told with its place, and nothing is lost:"
    sed 's/group-size/gruop-size/' "$state/tandem.yaml" >"$state/mistake.yaml"
    echo "\$ tandemd --config mistake.yaml --node ns1 --check"
    "$build/tandemd" --config "$state/mistake.yaml" --node ns1 --check 2>&1 | sed 's/^/    /'
    [ "${PIPESTATUS[0]}" = 100 ] || fail "the mistake was not told"
    rm -f "$state/mistake.yaml"

    say "That was it. The lab stays up: deploy/pair$(lab_option) --help, and in the end" \
        "deploy/pair$(lab_option) down"
}
