#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Keys: made once, secret from the first moment, shown as other libp2p implementations name them,
# and not read once others may use them.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

# An Ed25519 key of libp2p/specs, peer-ids/peer-ids.md, and whose it is.
SEED=7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d
PUBLIC=1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e
ID=12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq
CID=bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6

put_key() { # file
  local bytes
  bytes=$(sed 's/../\\x&/g' <<<"08011240$SEED$PUBLIC")
  (umask 077 && printf '%b' "$bytes" >"$1")
}

# ends status "text of the error" word...: it ends so and says that.
ends() {
  local wanted=$1 text=$2 status
  shift 2
  timeout 10 "$HOLDFAST" key "$@" >out 2>err
  status=$?
  [ "$status" = "$wanted" ] && grep -qF -- "$text" err
}

shows() { "$HOLDFAST" key show "$@" | diff - <(printf '%s\n' "peer id     $ID" "CID         $CID" \
  "public key  08011220$PUBLIC" "file        ${1:-holdfast.key}"); }

put_key known
check "a key of the specification is shown by its id" shows known
check "as JSON too" eval '"$HOLDFAST" key show known --json |
  jq -e --arg id "$ID" --arg cid "$CID" --arg key "08011220$PUBLIC" \
    ". == {event: \"key\", peer_id: \$id, cid: \$cid, public_key: \$key, file: \"known\"}"'
check "options may stand before the file" eval '"$HOLDFAST" key --json show known | jq -e .peer_id'
cp -p known holdfast.key
check "without a name the file is holdfast.key" shows
rm holdfast.key

mkdir own
check "a new key is made" eval 'umask 0; "$HOLDFAST" key new own/key --json >made'
is_secret() { [ "$(stat -c '%a %s' own/key)" = "600 68" ] && [ "$(ls -A own)" = key ]; }
check "its file is its owner's alone, and nothing else is left beside it" is_secret
check "and is shown as it was made" eval '"$HOLDFAST" key show own/key --json | diff - made'
check "a file that is there is not replaced" ends 1 "there is one already" new own/key
check "nor changed" eval '"$HOLDFAST" key show own/key --json | diff - made'
differ() { "$HOLDFAST" key new >/dev/null && ! cmp -s holdfast.key own/key; }
check "two keys are two peers" differ
is_quoted() { "$HOLDFAST" key new "$1" --json | jq -e --arg file "$1" '.file == $file'; }
check "a name that needs escapes is told in JSON" is_quoted 'q"\'

chmod 640 known
check "what a group may read is refused" ends 1 "mode 0640" show known
chmod 604 known
check "what all may read is refused" ends 1 "mode 0604" show known
is_told() { ! "$HOLDFAST" key show known --json 2>err && jq -e '.event == "error"' err; }
check "that is told as JSON too" is_told
check "a file that is missing" ends 1 "\"none\": not found" show none
check "a folder" ends 1 "not a regular file" show .
check "a folder that is missing" ends 1 "No such file or directory" new none/key
(umask 077 && echo hello >text)
check "a file with something else in it" ends 1 "holds no Ed25519 key" show text
has_no_room() { ! "$HOLDFAST" key show own/key >/dev/full 2>err && grep -q "standard output" err; }
check "standard output that is full" has_no_room

check "help goes to standard output and ends with 0" eval '"$HOLDFAST" key --help | grep -q "new|show \[FILE\]"'
check "nothing to do" ends 2 "what to do is missing"
check "a verb that is none" ends 2 "'renew' is not new or show" renew
check "too many files" ends 2 "more than one file" show a b
check "an option that is none" ends 2 "unknown option '--secret'" show --secret
