#!/usr/bin/env bash
# Real clients against this server: redis-cli, redis-benchmark, the tests of redis-py,
# and, if there is a copy of Redis's source, its own Tcl tests.
#
#   epochkv-server/clients/run.sh                  all but the Tcl tests
#   epochkv-server/clients/run.sh --tcl FOLDER     and the Tcl tests of the Redis 7.0.15
#                                                  whose source is there
#
# Needs redis-tools, python3-venv and a package index for pip; for the Tcl tests tclsh.
# Stops at the first thing that is not as it must be.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
cd "$here/../.."
tcl=""
[[ "${1:-}" != --tcl ]] || tcl="$(realpath "$2")"
temp="$(mktemp -d)"
server=""
trap '[[ -z "$server" ]] || kill "$server"; rm -rf "$temp"' EXIT

cargo build --release --locked -p epochkv-server
"${CARGO_TARGET_DIR:-target}/release/epochkv-server" --port 0 >"$temp/server" &
server=$!
until port="$(sed -n 's/^epochkv-server listens on .*:\([0-9]*\)$/\1/p' "$temp/server")" &&
    [[ -n "$port" ]]; do
    sleep 0.1
done

# What redis-cli prints for some arguments must be this text.
cli() {
    local expected="$1" printed
    shift
    printed="$(redis-cli -p "$port" "$@" </dev/null 2>&1)"
    if [[ "$printed" != "$expected" ]]; then
        printf 'redis-cli %s: "%s" instead of "%s"\n' "$*" "$printed" "$expected" >&2
        exit 1
    fi
}

echo "== redis-cli"
cli PONG ping
cli OK set key value ex 100
cli value get key
cli 100 ttl key
cli "(integer) 1" --no-raw exists key
cli '1) "key"' --no-raw keys '*'
cli "3" -3 -n 0 incrby n 3
cli "ERR value is not an integer or out of range" incr key
cli key --scan --pattern 'k*'
[[ "$(redis-cli -p "$port" command docs get | head -1)" == get ]]
[[ "$(printf 'SET a 1\r\nINCR a\r\n' | redis-cli -p "$port" --pipe | tail -1)" == \
    "errors: 0, replies: 2" ]]
redis-cli -p "$port" --bigkeys | grep -q '3 strings with'
timeout 2 redis-cli -p "$port" --stat -i 0.1 | grep -q '^[0-9]' || [[ ${PIPESTATUS[0]} == 124 ]]
cli OK flushall

echo "== redis-benchmark"
redis-benchmark -p "$port" -q --csv -n 20000 -P 16 -r 1000 \
    -t ping_inline,ping_mbulk,set,get,incr,mset | tee "$temp/benchmark"
[[ "$(wc -l <"$temp/benchmark")" -ge 7 ]]
! grep -qi error "$temp/benchmark"

echo "== redis-py"
python3 -m venv "$temp/python"
"$temp/python/bin/pip" install -q redis==8.1.0 pytest==9.* pytest-asyncio==1.* pytest-timeout==2.* \
    packaging
# Its tests come with its source.
"$temp/python/bin/pip" download -q --no-deps --no-binary :all: redis==8.1.0 -d "$temp"
tar -xzf "$temp/redis-8.1.0.tar.gz" -C "$temp"
mapfile -t tests < <(sed -n 's/^\(tests[^ ]*\)$/\1/p' "$here/redis-py.txt")
for protocol in 2 3; do
    (cd "$temp/redis-8.1.0" &&
        "$temp/python/bin/python" -m pytest -q --tb=short --timeout 30 -p no:cacheprovider \
            -W ignore --redis-url "redis://localhost:$port/0" --protocol "$protocol" \
            "${tests[@]}") >"$temp/pytest" 2>&1 || { tail -100 "$temp/pytest" >&2; exit 1; }
    echo "protocol $protocol: $(tail -1 "$temp/pytest")"
done

if [[ -n "$tcl" ]]; then
    echo "== Tcl tests of Redis"
    for unit in unit/type/incr unit/type/string unit/expire unit/keyspace unit/scan; do
        awk -F '\t' -v unit="$unit" '$1 == unit { print $2 }' "$here/tcl-out-of-scope.txt" \
            >"$temp/skip"
        (cd "$tcl" && ./runtest --host 127.0.0.1 --port "$port" --singledb --tags -needs:debug \
            --single "$unit" --skipfile "$temp/skip") | sed 's/\x1b\[[0-9;]*m//g' >"$temp/tcl" ||
            { tail -50 "$temp/tcl" >&2; exit 1; }
        if grep -q '^\[err\]\|^\[exception\]' "$temp/tcl"; then
            grep -A 20 '^\[err\]\|^\[exception\]' "$temp/tcl" >&2
            exit 1
        fi
        echo "$unit: $(grep -c '^\[ok\]' "$temp/tcl") passed," \
            "$(grep -c '^\[skip\]\|^\[ignore\]' "$temp/tcl") out of scope"
    done
fi

kill "$server"
wait "$server"
server=""
echo "== passed"
