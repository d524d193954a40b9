#!/usr/bin/env bash
# Requests per second of this server and of redis-server, by redis-benchmark, in one run:
# each measurement of the one is followed by the same one of the other. Prints a table of
# medians, and of the ratios of medians.
#
#   epochkv-server/clients/throughput.sh [ROUNDS] [FACTOR]
#
# A round takes some 15 seconds on two cores at factor 1.
set -euo pipefail
cd "$(realpath "$(dirname "$0")")/../.."
rounds="${1:-3}"
factor="${2:-1}"
temp="$(mktemp -d)"
ours="" redis=""
trap '[[ -z "$ours$redis" ]] || kill $ours $redis; rm -rf "$temp"' EXIT

"${CARGO_TARGET_DIR:-target}/release/epochkv-server" --port 0 >"$temp/server" &
ours=$!
port=""
until [[ -n "$port" ]]; do
    sleep 0.1
    port="$(sed -n 's/^epochkv-server listens on .*:\([0-9]*\)$/\1/p' "$temp/server")"
done
# A port that was free a moment ago.
redis_port=$((port + 1))
redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --loglevel warning >"$temp/redis" &
redis=$!
until redis-cli -p "$redis_port" ping >"$temp/ping" 2>&1; do sleep 0.1; done

measure() {
    local name="$1" at="$2" pipeline="$3" requests="$4"
    redis-benchmark -p "$at" --csv -c 50 -n "$requests" -P "$pipeline" -r 100000 -d 16 \
        -t set,get,incr 2>"$temp/errors" |
        tr -d '"' | awk -F , -v name="$name" -v pipeline="$pipeline" \
        'NR > 1 { print pipeline, $1, name, $2 }' \
            >>"$temp/all"
}

for _ in $(seq "$rounds"); do
    for pipeline in 1 16; do
        requests=$((pipeline == 1 ? 100000 * factor : 1000000 * factor))
        measure ours "$port" "$pipeline" "$requests"
        measure redis "$redis_port" "$pipeline" "$requests"
    done
done

echo "| pipelined | command | epochkv-server, requests/s | redis-server, requests/s | ratio |"
echo "| ---: | --- | ---: | ---: | ---: |"
sort -k1,1n -k2,2 -k3,3 -k4,4n "$temp/all" | awk '
    function median(values, count) {
        return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
    }
    { key = $1 " " $2; count[key, $3]++; all[key, $3, count[key, $3]] = $4; keys[key] = 1 }
    END {
        for (key in keys) {
            split("ours redis", order, " ")
            for (i = 1; i <= 2; i++) {
                n = count[key, order[i]]
                for (j = 1; j <= n; j++) values[j] = all[key, order[i], j]
                result[i] = median(values, n)
            }
            split(key, part, " ")
            printf "| %s | %s | %d | %d | %.2f |\n", part[1], part[2], result[1], result[2], result[1] / result[2]
        }
    }' | sort -t '|' -k2,2n -k3,3
