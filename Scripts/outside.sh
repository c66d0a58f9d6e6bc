#!/usr/bin/env bash
# Builds, tests and runs the game of Tests/Outside in FOLDER, which is outside of the checkout.
#   Scripts/outside.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. Scripts/setup.sh

checkout=$PWD
game=Tests/Outside/Sources/skirmish/Skirmish.swift
tests=Tests/Outside/Tests/skirmishTests/SkirmishTests.swift
echo "outside: the game is the one that the README shows"
diff -u <(awk '/^```swift$/ { on = 1; next } /^```$/ && on { exit } on' README.md) \
    <(cat "$game" && echo && sed -n '/^@Test/,/^}/p;/^}/q' "$tests")

diff -u <(echo 'import GamekeeperKit' && echo &&
    awk '/^```swift$/ { blocks++; if (blocks == 2) { on = 1; next } } /^```$/ && on { exit } on' README.md) \
    Tests/Outside/Sources/skirmish/Shop.swift

away=${1:?a folder outside of the checkout}
cp -R Tests/Outside/. "$away"
sed -i "s|path: \"../..\"|path: \"$checkout\"|" "$away/Package.swift"
# shellcheck disable=SC2046
set -- --package-path "$away" --scratch-path "$checkout/.build-outside" $(linker_flags)

echo "outside: building"
swift build --build-tests "$@"
swift test --skip-build "$@"
game=$(swift build --show-bin-path "$@")/skirmish

if "$game" help | grep -q 'docs '; then
    echo "outside: documents"
    "$game" docs --out "$away/documents"
    [ -s "$away/documents/BACKEND_API.md" ]
fi

echo "outside: serving"
timeout 60 "$game" run --listen 127.0.0.1:0 --admin off --data "$away/data" >"$away/said" 2>"$away/log" &
server=$!
stop() {
    local code=0
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || code=$?
    return "$code"
}
trap 'stop || true' EXIT

address=
for _ in $(seq 100); do
    address=$(sed -n 's|^listening on \(http://[^/]*\)/.*|\1|p' "$away/said")
    [ -z "$address" ] || break
    sleep 0.1
done
[ -n "$address" ] || die "The game does not say where it listens: $(cat "$away/said" "$away/log")"

call() {
    curl --silent --show-error --fail-with-body --max-time 10 -H 'Content-Type: application/json' \
        ${3:+-H "Authorization: Bearer $3"} -d "$2" "$address/v1/rpc/$1"
}
token=$(call auth.guest '{"device_secret":"somebody-from-outside"}' | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
answer=$(call player.attack '{"target_id":"player_2","weapon":"bow","power":1}' "$token")
[ "$answer" = '{"damage":40}' ] || die "The game answers $answer"

trap - EXIT
stop || die "The game ended with $? after it was told to stop: $(cat "$away/log")"
echo "outside: a call over HTTP was answered, and the game has stopped"
