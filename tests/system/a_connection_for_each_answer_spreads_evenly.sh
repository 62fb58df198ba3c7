#!/bin/bash
# alone
# 20 servers, group size 5: 1,000 connections held, one for each answer.
. "$(dirname "$0")/harness.sh"

lab_up --servers 20 --group-size 5
asking "$work/ns1" --server "$ns1" --every 5 --count 1000 --connect 1755 --hold
assert_eventually 60 awk 'END { exit NR < 1000 }' "$work/ns1"
for i in {1..20}; do
    pair run "media$i" ss -Htn state established sport = 1755 | wc -l
done | sort -n >"$work/held"
least=$(head -1 "$work/held") most=$(tail -1 "$work/held")
[ "$(awk '{ n += $1 } END { print n }' "$work/held")" -eq 1000 ] || fail "not all were opened"
assert_at_most 3 $((most - least)) "most minus least"
conclude "between $least and $most connections a server (at most 3 apart)"
