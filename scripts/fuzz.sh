#!/usr/bin/env bash
# Fuzzes every target under AddressSanitizer, one after the other, and prints the
# number of executions. Stops at the first finding; its input is then in
# fuzz/artifacts.
#
#   scripts/fuzz.sh              60 seconds a target
#   scripts/fuzz.sh 3600         an hour a target
#   scripts/fuzz.sh 3600 glob    an hour of one target
#
# What it learns goes on in the next run: the corpus is below the target folder.
# Needs a C++ compiler for libFuzzer; cargo-fuzz is installed if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
only="${2:-}"
target_dir="$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz"
# The sanitizer is unstable; this makes the stable toolchain accept it.
export RUSTC_BOOTSTRAP=1
log="$(mktemp)"
trap 'rm -f "$log"' EXIT

cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz

for target in operations glob values load resp threads; do
    [[ -z "$only" || "$target" == "$only" ]] || continue
    corpus="$target_dir/corpus/$target"
    mkdir -p "$corpus"
    # No search for leaks: garbage that waits for the collector looks like one after
    # every input, and the search takes most of the time. Others look for leaks.
    # The kept seeds come second: libFuzzer only reads them.
    if ! CARGO_TARGET_DIR="$target_dir" cargo fuzz run --release --debug-assertions "$target" \
        "$corpus" "fuzz/seeds/$target" -- -max_total_time="$seconds" -max_len=512 -timeout=10 \
        -detect_leaks=0 -print_final_stats=1 >"$log" 2>&1; then
        cat "$log" >&2
        echo "$target: failed" >&2
        exit 1
    fi
    done_in="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    echo "$target: $done_in executions in $seconds s, no finding"
done
