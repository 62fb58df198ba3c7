#!/bin/bash
# Row 27 of the failure catalogue, the storm: while ns1 stands still the client forgets all its
# neighbours every 20 ms, and asks anew who has ns1's address. So does ns1's kernel answer, until
# its lease ends.
# with --long
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

readonly answered_least_permille=990

# storm TIMES: in the client, by one process: each 20 ms.
storm() {
    local i
    for ((i = 0; i < $1; i++)); do
        echo "neigh flush dev lan nud all"
        pause 0.02
    done | ip -n "$lab-client" -batch - >/dev/null 2>&1
}
# answered_permille ADDRESS...: sets value to that of what was asked of them since t0.
answered_permille() {
    local line asked=0 gone=0
    tell 4 report ns2
    for line in "${told_lines[@]}"; do
        field "$line" address
        [[ " $* " == *" $value "* ]] || continue
        field "$line" asked
        asked=$((asked + value))
        field "$line" lost
        gone=$((gone + value))
        field "$line" failed
        gone=$((gone + value))
    done
    [ $asked -ge $asked_least ] || fail "only $asked asked: ${told_lines[*]}"
    value=$((1000 - (gone * 1000 + asked - 1) / asked))
}

lab_up --servers 1
watch_addresses
overhearing client lan
storm 125 &
stormy=$!
pause 0.1
breaks ns1 --stop
began_us=${EPOCHREALTIME/./}
pause 1.5
forget # t0 is now, and what was asked in the 100 ms before it counts
wait $stormy
sleep $judged_s
answered_permille "$ns1" "$ns1_6"
permille=$value
[ "$permille" -ge $answered_least_permille ] || fail "$permille in 1000 answered: ${told_lines[*]}"
resolved=$(awk -v since="$began_us" -v address="$ns1" '
    $1 > since && $2 == "answers" && $3 == address { n++ } END { print n + 0 }' "$work/heard")
[ "$resolved" -ge 50 ] || fail "the client forgot nothing: it asked $resolved times for $ns1"
assert_event ns2 "address ns1" "backup -> active reason=silence"
assert_few_lost ns2
conclude "1.4 s after ns1 stood still $permille in 1000 answered; $resolved times $ns1 was sought"
