#!/bin/bash
# A server joins by a token, on either node, while answers go on: it is named by both within two
# seconds. What must not be let in is told why, and a key that is withdrawn ends with its next word.
# With ns1 dead all of it works on ns2, and ns1 knows it when it returns.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

# join HOST TOKEN NAME ADDRESS [OPTION...]: the command, in that host's network.
join() {
    local host=$1 token=$2 server=$3 address=$4
    shift 4
    ip netns exec "$lab-$host" "$build/tandem-agent" join "$token" --name "$server" \
        --address "$address" --config "$work/$server.yaml" --key "$work/$server.key" "$@"
}
# start HOST NAME: what join said to run. It ends with the test.
start() {
    ip netns exec "$lab-$1" "$build/tandem-agent" --config "$work/$2.yaml" >"$work/$2.log" 2>&1 &
}
refused() { # SENTENCE COMMAND...
    local sentence=$1
    shift
    if "$@" >"$work/said" 2>&1; then fail "let in: $*"; fi
    grep -q "$sentence" "$work/said" || fail "not \"$sentence\" but: $(cat "$work/said")"
}
token() { # NODE USES [OPTION...]
    local node=$1 uses=$2
    shift 2
    node_says "$node" token --pool stream --uses "$uses" --prefix 192.0.2.96/27 "$@"
}
is_named() { # NODE ADDRESS: among its answers, of which a new server gets few at first
    grep -q " $2\$" "$work/$1.asked"
}
is_gone() { # NODE SERVER
    verdict_is "$1" "$2" ""
}

lab_up --servers 3
asking "$work/ns1.asked" --server $ns1 --every 2
asking "$work/ns2.asked" --server $ns2 --every 2
ip netns exec "$lab-media3" ip addr add 192.0.2.109/24 dev lan
stranger=$(printf 'tandem1.%s' "no token")
refused "that is no token" join media3 "$stranger" media9 192.0.2.109

good=$(token ns1 2 --for 10m) || fail "no token: $good"
began=$(now_ms)
join media3 "$good" media9 192.0.2.109 --capacity 500 --tag rack=7 >"$work/said" 2>&1 ||
    fail "it may not join: $(cat "$work/said")"
start media3 media9
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media9 "up listening"
done
for node in ns1 ns2; do
    assert_eventually 5 is_named $node 192.0.2.109
done
took_ms=$(($(now_ms) - began))
assert_at_most 2000 "$took_ms" "named by both (ms)"

refused "not within what the token allows" join media3 "$good" media10 192.0.2.200
refused "another server has that address" join media3 "$good" media10 192.0.2.101
refused "another server has that name" join media3 "$good" media1 192.0.2.111
refused "another server has that name" join media2 "$good" media9 192.0.2.109 # its clone
# A secret that no node knows: each is asked, for a token may be known to one before the other.
forged=$(python3 -c 'import base64, sys
text = sys.argv[1].removeprefix("tandem1.")
token = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
token[token.index(b"\x03\xc4\x20") + 3] ^= 1
print("tandem1." + base64.urlsafe_b64encode(token).decode().rstrip("="))' "$good")
refused "the token is not known here" join media3 "$forged" media13 192.0.2.113
for node in ns1 ns2; do
    pair logs $node | grep -q "join media13 refused" || fail "$node was not asked"
done
join media3 "$good" media9 192.0.2.109 >/dev/null || fail "who asks again is not told the same"
join media3 "$good" media10 192.0.2.110 >/dev/null || fail "the second of two may not join"
refused "as many servers joined" join media3 "$good" media11 192.0.2.111
short=$(token ns2 1 --for 1s)
pause 2.5
refused "time is over" join media3 "$short" media11 192.0.2.111

# Its key on another machine, and a second agent on its own: said to whoever asks for the status,
# and the server stays what it is.
alarms() { # NODE WORD
    [[ $(node_says "$1" status) == *"$2"* ]]
}
start media2 media9
clone=$!
for node in ns1 ns2; do
    assert_eventually 8 alarms $node "wrong-machine"
done
kill $clone
start media3 media9
for node in ns1 ns2; do
    assert_eventually 12 alarms $node "two-sessions"
    verdict_is $node media9 "up listening" || fail "$node: one of the two drove the other out"
done
kill $!

pair kill ns1 --hard
late=$(token ns2 1) || fail "no token by ns2 alone"
join media3 "$late" media12 192.0.2.112 >/dev/null || fail "nobody joins by ns2 alone"
node_says ns2 revoke media9 >/dev/null || fail "exit status $? of revoke"
node_says ns2 remove media10 >/dev/null || fail "exit status $? of remove"
for server in media9 media10; do
    assert_eventually 5 is_gone ns2 $server
done
pair heal ns1
for node in ns1 ns2; do
    assert_eventually 5 verdict_is $node media12 "unknown never-reported"
    assert_eventually 5 is_gone $node media9
    assert_eventually 5 is_gone $node media10
done
refused "withdrawn" join media3 "$(token ns1 5)" media9 192.0.2.109

# The secret of a token is nowhere but in it, and in no form.
stop_asking
python3 - "$good" "$work" "/run/tandem-lab/$lab" >"$work/secret" 2>&1 <<'END' ||
import base64, pathlib, sys

text = sys.argv[1].removeprefix("tandem1.")
token = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
at = token.index(b"\x03\xc4\x20") + 3  # the pair of key 3: 32 bytes
secret = token[at:at + 32]
hexadecimal = secret.hex().encode()
forms = {"as it is": secret, "in hex": hexadecimal, "in HEX": hexadecimal.upper()}
for shift in range(3):  # in base64, wherever in what was encoded it began; the whole groups of it
    inner = secret[shift:shift + 27]
    forms[f"in base64, {shift}"] = base64.b64encode(inner)
    forms[f"in base64 of URLs, {shift}"] = base64.urlsafe_b64encode(inner)
files = [file for folder in sys.argv[2:] for file in pathlib.Path(folder).rglob("*")
         if file.is_file() and file.name != "secret"]
found = [f"a token's secret is, {form}, in {file}" for file in files
         for form, bytes in forms.items() if bytes in file.read_bytes()]
names = {file.name for file in files}
lacking = {"media9.yaml", "media9.log", "orders", "warm", "audit"} - names
sys.exit("\n".join(found) or (f"not looked into: {lacking} of {names}" if lacking else 0))
END
    fail "$(cat "$work/secret")"
conclude "joined, reported and named by both after $took_ms ms"
