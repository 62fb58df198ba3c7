#!/bin/bash
# Servers and pools are added and taken away by `tandemctl reload`, of a node that is asked a
# thousand times a second: every question has its answer, and what takes a restart is said.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

document=/run/tandem-lab/$lab/tandem.yaml

# edit SED-SCRIPT: the document of both nodes; then both read it.
edit() {
    sed -E -i "$1" "$document"
    for node in ns1 ns2; do
        said=$(node_says $node reload) || fail "exit status $? of reload: $said"
    done
}
names_web() { # NODE-ADDRESS
    [[ $(ask "$1" A web.tandem.example) == "NOERROR 192.0.2.101" ]]
}

lab_up --servers 3
for server in media1 media2 media3; do
    assert_eventually 5 verdict_is ns1 $server "up listening"
done
asking "$work/asked" --server $ns1 --every 1
pause 0.3
edit "/^  media3:/,+3d; \$a\\  web: {name: web.tandem.example, ports: [1755], servers: [media1]}"
gone=$(now_us)
verdict_is ns1 media3 "" || fail "a server that is in the document no more is there"
for address in $ns1 $ns2; do
    assert_eventually 2 names_web "$address"
done
pause 0.5

key=$(cat "/run/tandem-lab/$lab/keys/media3.public")
cat >"$work/back" <<END
  media3: {addresses: [192.0.2.103, "2001:db8:53::103"], capacity: 1000, key: "$key"}
END
returned=$(now_us)
edit "/^servers:/r $work/back"
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media3 "up listening"
done
is_named() {
    awk -v since="$returned" '$1 > since && $4 == "192.0.2.103" { found = 1 } END { exit !found }' \
        "$work/asked"
}
assert_eventually 5 is_named

edit 's/^witness: .*/witness: [192.0.2.1]/'
[[ $said == *"restart needed for: witness"* ]] || fail "it is not said what takes a restart: $said"
sed -i 's/^servers:/serverz:/' "$document"
said=$(node_says ns1 reload 2>&1) && fail "a mistake is taken: $said"
[[ $said == *tandem.yaml:*serverz* ]] || fail "a mistake is not told with its place: $said"
pause 0.3
stop_asking
named=$(awk -v from="$gone" -v to="$returned" '$1 > from && $1 < to && $4 == "192.0.2.103"' \
    "$work/asked" | wc -l)
[ "$named" -eq 0 ] || fail "a server that was taken away was named $named times"
awk '$3 != "NOERROR"' "$work/asked" >"$work/amiss"
[ ! -s "$work/amiss" ] || fail "$(wc -l <"$work/amiss") without an answer: $(head -3 "$work/amiss")"
conclude "$(wc -l <"$work/asked") answers, none missing, over three documents"
