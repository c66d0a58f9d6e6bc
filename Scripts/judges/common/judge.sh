# What every judge needs: a word when it can't sit, the server to be judged, and an end to all that it started.
# Sourced by the scripts beside this folder; each exits 0 (nothing to say), 1 (findings) or 77 (SKIPPED: why).

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
here=$root/Scripts/judges/common
gamekeeper=${GAMEKEEPER:-$root/.build/release/gamekeeper}
cache=$root/.build/judges
started=()

skip() {
    echo "SKIPPED: $*"
    exit 77
}

need() {
    command -v "$1" > /dev/null || skip "$1 is not here ($2)"
}

end_all() {
    local pid
    for pid in "${started[@]}"; do kill "$pid" 2> /dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2> /dev/null || true; done
    [ -z "${work:-}" ] || rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM

work=$(mktemp -d)

# Starts the server with the arguments given, and sets `port` when it listens. 20 s at most.
start_server() {
    : > "$work/server.log"
    [ -x "$gamekeeper" ] || skip "$gamekeeper is not built (swift build -c release --product gamekeeper)"
    "$gamekeeper" conformance --listen 127.0.0.1:0 "$@" > "$work/server.log" 2>&1 &
    started+=($!)
    server=$!
    wait_for_port
}

wait_for_port() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        port=$(sed -n 's/.*listening on .*:\([0-9][0-9]*\).*/\1/p' "$work/server.log" | head -1)
        [ -z "$port" ] || return 0
        kill -0 "$server" 2> /dev/null || break
        sleep 0.1
    done
    echo "the server did not start:"
    tail -20 "$work/server.log"
    exit 1
}

# Starts one of the games that are linked in, and sets `port` when it listens. 20 s at most.
start_game() {
    local game=$1
    shift
    : > "$work/server.log"
    [ -x "$gamekeeper" ] || skip "$gamekeeper is not built (swift build -c release --product gamekeeper)"
    "$gamekeeper" run "$game" --listen 127.0.0.1:0 --admin off --data "$work/data" "$@" > "$work/server.log" 2>&1 &
    started+=($!)
    server=$!
    wait_for_port
}

# PingArena, as ./run does.
start_arena() { start_game ping-arena "$@"; }

# The server has to be there still, or whatever was judged has ended it.
server_still_runs() {
    kill -0 "$server" 2> /dev/null && return 0
    echo "FAILED: the server died meanwhile. Its last words:"
    tail -20 "$work/server.log"
    exit 1
}
