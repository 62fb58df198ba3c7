# shellcheck shell=bash
# tests/system/harness.sh: what a system test begins with:
#
#   . "$(dirname "$0")/harness.sh"
#   lab_up --servers 3
#   ... pair VERB ..., assert_eventually 2 COMMAND ..., fail "what is wrong" ...
#   conclude "last named 1.8 s after its cable was pulled"
#
# A test is one file named as a claim. It sees the product from the client's side. It ends with 0,
# with 1 and a sentence, or with 77 when it cannot run here. Its lab ends with it, however it ends.
set -u -o pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab=${TANDEM_LAB-t$$}
build=$top/build/${TANDEM_BUILD-release}
work=$(mktemp -d)
chmod 755 "$work" # user tandem reads there
readonly top lab build work
export ns1=192.0.2.53 ns2=192.0.2.54 # the service addresses
export name=stream.tandem.example

# pair VERB...: must succeed. try_pair VERB...: need not.
pair() {
    try_pair "$@" || fail "exit status $?: deploy/pair $*"
}

try_pair() {
    "$top/deploy/pair" --lab "$lab" "$@"
}

# node_says NODE VERB...: as deploy/pair ctl, without its start-up.
node_says() {
    local node=$1
    shift
    "$build/tandemctl" --socket "/run/tandem-lab/$lab/run/$node.sock" "$@"
}

# verdict_is NODE SERVER "VERDICT REASON": now, in the first of its pools; "" for no such server.
verdict_is() {
    local line
    line=$(node_says "$1" servers | awk -v server="$2" '$1 == server { print $3, $4; exit }')
    [ "$line" = "$3" ]
}

# lab_up OPTION...: with servers that the document names, which have their whole share at once.
lab_up() {
    lab_up_by_token --listed "$@"
}

# lab_up_by_token OPTION...: as a person brings it up. A server that joined gets a tenth of its
# share at first, all of it half a minute later.
lab_up_by_token() {
    local as_built=()
    [ -z "${TANDEM_LAB-}" ] || as_built=(--as-built) # tests/run has built
    try_pair up --build "$(basename "$build")" "${as_built[@]}" "$@" >"$work/up" 2>&1 || {
        cat "$work/up"
        fail "the lab does not come up"
    }
}

lab_down() {
    local status=$? pid
    trap '' INT TERM HUP
    for pid in $(jobs -p); do
        kill "$pid" 2>/dev/null
    done
    wait
    if [ $status -ne 0 ] && [ $status -ne 77 ]; then
        tail -n 15 "/run/tandem-lab/$lab/log/"{ns1,ns2} 2>/dev/null
    fi
    try_pair down >/dev/null
    rm -rf "$work"
    exit $status
}

fail() {
    echo "FAILED: $*"
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

# conclude SENTENCE: what was measured; tests/run shows it beside the test's name.
conclude() {
    echo "$*"
    exit 0
}

now_us() {
    "$build/tandem-lab-ask" --now
}

now_ms() {
    echo $(($(now_us) / 1000))
}

# pause SECONDS: as sleep, without a process: forks are what these tests spend most on.
exec {never}<> <(:)
pause() {
    read -r -t "$1" -u "$never" || true
}

# assert_eventually SECONDS COMMAND...: true within that time; looked at 50 times in the first
# second, and 10 times in each further one.
assert_eventually() {
    local seconds=$1 began=${EPOCHREALTIME/./} took_us
    shift
    until "$@" >/dev/null 2>&1; do
        took_us=$((${EPOCHREALTIME/./} - began))
        [ $took_us -lt $((seconds * 1000000)) ] || fail "not within $seconds s: $*"
        if [ $took_us -lt 1000000 ]; then pause 0.02; else pause 0.1; fi
    done
}

# assert_at_most LIMIT MEASURED WHAT: whole numbers of one unit. Times get TANDEM_SLACK times their
# limit: a machine that others use must not turn a test red. tests/bench/promises gives them none.
assert_at_most() {
    local slack=1
    [[ $3 != *"(ms)"* ]] || slack=${TANDEM_SLACK-5}
    [ "$2" -le $(($1 * slack)) ] || fail "$3: $2, at most $1"
}

# holds NODE ADDRESS: now, on one of its interfaces.
holds() {
    [[ $(ip -n "$lab-$1" -o addr show) == *" $2/"* ]]
}

# measure_ms SECONDS COMMAND...: prints the milliseconds until it is true, and fails like
# assert_eventually.
measure_ms() {
    local began
    began=$(now_ms)
    assert_eventually "$@" || exit
    echo $(($(now_ms) - began))
}

# ask ADDRESS [TYPE [NAME]]: the client's answer: "RCODE ADDRESS".
ask() {
    pair run client "$build/tandem-lab-ask" --server "$1" --type "${2-A}" --name "${3-$name}" \
        --count 1 | cut -d ' ' -f 3-
}

# asking FILE ARGS...: tandem-lab-ask from the client, in the background; an answer, a line of FILE.
asking() {
    local file=$1
    shift
    "$top/deploy/pair" --lab "$lab" run client "$build/tandem-lab-ask" --name "$name" "$@" \
        >"$file" &
}

# stop_asking: ends every asker; their files are complete then.
stop_asking() {
    local pid
    for pid in $(jobs -p); do
        kill "$pid" 2>/dev/null
    done
    wait
}

# ask_both TYPE MS: asks both nodes, each MS milliseconds, into $work/ns1 and $work/ns2; returns
# when both have answered.
ask_both() {
    local node
    for node in ns1 ns2; do
        asking "$work/$node" --server "${!node}" --type "$1" --every "$2"
    done
    for node in ns1 ns2; do
        assert_eventually 5 grep -q NOERROR "$work/$node"
    done
}

# last_named_ms FILE ADDRESS SINCE_US: how long after that instant an answer last named it; 0 if
# none did. Fails if nothing was answered after that: silence proves nothing.
last_named_ms() {
    awk -v address="$2" -v since="$3" '
        $2 > since && $3 == "NOERROR" && $4 != address { others++ }
        $4 == address && $2 > since { last = $2 - since }
        END { print int((last + 999) / 1000); exit others < 10 }' "$1" ||
        fail "$1 has no answers to judge by"
}

# assert_last_named LIMIT_MS SERVER SINCE_US: on both nodes; sets last_ms to the later one.
assert_last_named() {
    local node ms
    last_ms=0
    for node in ns1 ns2; do
        ms=$(last_named_ms "$work/$node" "$(address_of "$2")" "$3") || fail "$ms"
        assert_at_most "$1" "$ms" "$node named $2 for (ms)"
        [ "$ms" -le "$last_ms" ] || last_ms=$ms
    done
}

# address_of SERVER: what an answer of type A says.
address_of() {
    echo "192.0.2.$((100 + ${1#media}))"
}

[ "$(id -u)" = 0 ] || skip "needs root: network namespaces"
trap lab_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
