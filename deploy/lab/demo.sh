# shellcheck shell=bash
# deploy/lab/demo.sh: the tour: every step says what it is about to show, shows the command that
# anybody could type, and its real output.
# shellcheck disable=SC2154 # top, lab, state and build are set by deploy/pair and processes.sh

readonly sentence_s=${TANDEM_DEMO_PAUSE_S-4} # to read what comes
readonly output_s=${TANDEM_DEMO_PAUSE_S-6}   # to read what came
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

verb_demo() {
    [ $# -eq 0 ] || misuse "demo takes no arguments"
    if ! is_up; then
        say "No lab is up yet: first two nodes, three servers, a client and a gateway."
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

    say "7. ns1 is killed with SIGKILL. ns2 answers on, and says what happened:"
    show kill ns1 --hard
    show ctl ns2 status
    show dig

    say "8. ns1 starts again with an empty memory, and has the whole table from ns2 at once:"
    show heal ns1
    sleep 0.5
    show dig
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
