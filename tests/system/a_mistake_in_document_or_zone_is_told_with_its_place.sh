#!/bin/bash
# The example is right; one change of it each is refused with file:line, exit status 100.
. "$(dirname "$0")/harness.sh"

check() {
    "$build/tandemd" --config "$work/tandem.yaml" --node ns1 --check \
        --worker "$build/tandem-worker" >"$work/said" 2>&1
}

cp "$top"/deploy/examples/* "$work"
check || fail "the example is refused: $(cat "$work/said")"

# FILE, a line's beginning, what its line becomes, a word that the message must have.
mistakes=0
while IFS='|' read -r file from to word; do
    cp "$top"/deploy/examples/* "$work"
    line=$(grep -n -m 1 "$from" "$work/$file" | cut -d : -f 1)
    sed -i "${line}s/$from/$to/" "$work/$file"
    check
    status=$?
    [ $status -eq 100 ] || fail "exit status $status for \"$to\", not 100: $(cat "$work/said")"
    grep -q "$file:$line:.*$word" "$work/said" ||
        fail "no \"$file:$line: ... $word\" for \"$to\": $(cat "$work/said")"
    mistakes=$((mistakes + 1))
done <<'END'
tandem.yaml|    group-size: 2|    gruop-size: 2|group-size
tandem.yaml|    rounds: 1|    rounds: none|none
tandem.yaml|    ttl: 5s|    ttl: 5 parsecs|parsecs
tandem.yaml|format: 1|format: 99|format
tandem.yaml|    servers: all|    servers: [media1, media9]|media9
tandem.yaml|    home: .192.0.2.53|    home: [192.0.2.533|192.0.2.533
tandem.example.zone|     IN NS   ns1|     IN NSS  ns1|
END
conclude "$mistakes mistakes, each told with its place"
