#!/bin/bash
# alone
# Five times what ns1 answers, as far as this machine can send it. On a machine so busy with other
# work that a DNS thread does not run at all for a moment, it is tried again.
. "$(dirname "$0")/harness.sh"
. "$(dirname "$0")/takeover"

# Who floods is another machine in earnest: it gets what the nodes leave of this one.
blast() { # SECONDS [RATE]: prints answers a second
    try_pair run client nice -n 19 "$build/tests/tandem-blast" "$ns1" 53 "$work/names" "$@" \
        >"$work/blast" || fail "tandem-blast: $(cat "$work/blast")"
    awk '{ print int($1) }' "$work/blast"
}

lab_up --servers 1
watch_addresses
echo "$name" >"$work/names"
capacity=$(blast 2) || fail "$capacity"
for try in 1 2 3; do
    assert_eventually $home_within_s is_home
    before=$(moves)
    forget
    answered=$(blast 4 $((capacity * 5))) || fail "$answered"
    tell 4 report ns2
    [ "$(moves)" != "$before" ] || break
    [ $try -lt 3 ] || fail "an address moved in each flood: $(node_says ns2 events)"
done
answerers=$(printf '%s\n' "${told_lines[@]}" | sed 's/.* by=\([a-z0-9]*\):[0-9]*$/\1/' |
    tr '\n' ' ')
[ "$answerers" = "ns1 ns1 ns2 ns2 " ] || fail "answered by others: ${told_lines[*]}"
assert_eventually 5 is_home
conclude "$answered answers a second in the flood, by ns1 alone"
