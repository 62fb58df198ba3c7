#!/bin/bash
# tandemctl apply, under questions: in force on both nodes or, with an error on one of them, on
# neither; what is not confirmed ends by itself; any kept one can be gone back to; a zone travels
# along. While ns1 is dead ns2 is promoted, and ns1 follows when it is back, before it answers.
# shellcheck disable=SC2317 # assert_eventually asks its functions
. "$(dirname "$0")/harness.sh"

folder=/run/tandem-lab/$lab
state=$folder/state/ns2
trap 'status=$?; umount -l "$state" 2>/dev/null; (exit $status); lab_down' EXIT

revision_is() { # NODE WHAT: in force there, and answered by
    [[ $(node_says "$1" history) == *"$2 (served)"* ]]
}
applies() { # NODE ARGS...: done on both nodes
    local said
    said=$(node_says "$@" 2>&1) || fail "exit status $? of $*: $said"
    [[ $said == done* ]] || fail "$* says: $said"
}
refuses() { # SENTENCE NODE ARGS...
    local sentence=$1 said
    shift
    said=$(node_says "$@" 2>&1) && fail "$* is done: $said"
    [[ $said == *"$sentence"* ]] || fail "not \"$sentence\" but: $said"
}
is_partner_silent() {
    [[ $(node_says ns2 history) == *"partner: silent"* ]]
}
names() { # NODE-ADDRESS ADDRESS NAME
    [[ $(ask "$1" A "$3.tandem.example") == "NOERROR $2" ]]
}

lab_up --servers 3
pair kill ns2 --plan # and back on a small disk
cp -a "$state" "$work/state"
mount -t tmpfs -o size=256k,mode=700,uid="$(stat -c %u "$state")" tmpfs "$state" ||
    fail "no small disk for ns2"
cp -a "$work/state/." "$state"
pair heal ns2
for server in media1 media2 media3; do
    for node in ns1 ns2; do
        assert_eventually 5 verdict_is $node $server "up listening"
    done
done
mkdir "$work/next"
cp "$folder/tandem.yaml" "$folder/tandem.example.zone" "$work/next"
cd "$work/next" || exit
for node in ns1 ns2; do
    asking "$work/$node" --server "${!node}" --every 1
done
pause 0.3

# A pool, and a record of the zone.
echo '  web: {name: web.tandem.example, ports: [1755], servers: [media1]}' >>tandem.yaml
echo 'added A 192.0.2.99' >>tandem.example.zone
said=$(node_says ns1 diff tandem.yaml)
[ $? -eq 1 ] || fail "diff finds no difference"
[[ $said == *"+  web:"* && $said == *"+added A 192.0.2.99"* ]] || fail "diff says: $said"
node_says ns1 check tandem.yaml >/dev/null || fail "check refuses it"
began=$(now_ms)
applies ns1 apply tandem.yaml
took_ms=$(($(now_ms) - began))
for node in ns1 ns2; do
    assert_eventually 1 names "${!node}" 192.0.2.101 web
    assert_eventually 1 names "${!node}" 192.0.2.99 added
done
refuses "the other node writes the document" ns2 apply tandem.yaml
refuses "a revision of the history is in force" ns1 reload
refuses "usage:" ns1 rollback one
refuses "usage:" ns1 drain media1 --alone

# A mistake is told with its place, and an error on ns2 alone changes neither.
sed 's/^pools:/poolz:/' tandem.yaml >mistaken.yaml
refuses "mistaken.yaml:" ns1 apply mistaken.yaml
refuses "mistaken.yaml:" ns1 check mistaken.yaml
head -c 1000000 /dev/zero >"$state/filler" 2>/dev/null
sed 's/192.0.2.99/192.0.2.98/' tandem.example.zone >full.zone
sed 's/tandem.example.zone/full.zone/' tandem.yaml >full.yaml
refuses "cannot be in force on the partner, nothing has changed" ns1 apply full.yaml
for node in ns1 ns2; do
    names "${!node}" 192.0.2.99 added || fail "$node does not answer by what was in force"
    revision_is $node "apply tandem.yaml" || fail "$node has another revision in force"
done
rm "$state/filler"
applies ns1 apply full.yaml
names $ns2 192.0.2.98 added || fail "ns2 does not answer by what was applied"
applies ns1 rollback

# Nobody confirms it; then somebody does.
applies ns1 apply full.yaml --confirm 4s
names $ns2 192.0.2.98 added || fail "ns2 does not answer by what is to be confirmed"
refuses "waits for" ns1 apply tandem.yaml
for node in ns1 ns2; do
    assert_eventually 8 names "${!node}" 192.0.2.99 added
done
applies ns1 apply full.yaml --confirm 60s
applies ns1 confirm
revision=$(node_says ns1 history | awk '/apply tandem.yaml/ { print $1 }')
applies ns1 rollback "$revision"
node_says ns2 export "$work/exported" "$revision" >/dev/null || fail "export: exit status $?"
cmp tandem.example.zone "$work/exported/tandem.example.zone" || fail "another zone is exported"

# What only a start reads is told.
sed 's/^witness: .*/witness: [192.0.2.1]/' tandem.yaml >witness.yaml
said=$(node_says ns1 apply witness.yaml)
[[ $said == *"restart needed for: witness"* ]] || fail "it is not said what takes a restart: $said"
applies ns1 rollback
stop_asking
for node in ns1 ns2; do
    awk '$3 != "NOERROR"' "$work/$node" >"$work/amiss"
    [ ! -s "$work/amiss" ] || fail "$node: $(wc -l <"$work/amiss") lost: $(head -3 "$work/amiss")"
done

pair kill ns1 --hard
refuses "the other node writes the document" ns2 apply full.yaml
applies ns2 promote
assert_eventually 5 is_partner_silent
refuses "the partner is silent" ns2 apply full.yaml
applies ns2 apply full.yaml --alone
pair heal ns1
assert_eventually 5 revision_is ns1 "apply full.yaml"
[[ $(node_says ns1 history) == *"the writer is ns2"* ]] ||
    fail "ns1 does not know of the promotion"
refuses "the other node writes the document" ns1 apply full.yaml

# A file that was damaged is never served: the partner tells it again.
pair kill ns1 --plan
damaged=$(grep -l 'full.zone' "$folder/state/ns1/archive/"* | head -1)
echo >>"$damaged"
pair heal ns1
assert_eventually 10 revision_is ns1 "apply full.yaml"
grep -q 'lack or are damaged' "$folder/log/ns1" || fail "it is not said that a file is damaged"
conclude "applied on both in $took_ms ms; $(cat "$work"/ns[12] | wc -l) answers, none missing"
