#!/usr/bin/env bash
# Fuzzes the targets, one after the other, and prints the number of executions. Stops at
# the first finding; its input is then in fuzz/artifacts.
#
#   scripts/fuzz.sh                       60 seconds a target, under AddressSanitizer
#   scripts/fuzz.sh 3600                  an hour a target
#   scripts/fuzz.sh 3600 glob values      an hour of each of these
#   scripts/fuzz.sh --volume 3600 glob    without the sanitizer: many times as fast
#
# What it learns goes on in the next run, in both modes: the corpus is below the target
# folder. Needs a C++ compiler for libFuzzer; cargo-fuzz is installed if it is missing.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
cd "$source_dir"
mode=address
[[ "${1:-}" != --volume ]] || { mode=volume && shift; }
seconds="${1:-60}"
targets=("${@:2}")
[[ ${#targets[@]} -gt 0 ]] || targets=(operations glob values load resp threads)
corpus="$target_dir/fuzz/corpus"

cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
build_fuzz "$mode" "$target_dir/fuzz"

for target in "${targets[@]}"; do
    mkdir -p "$corpus/$target" "fuzz/artifacts/$target"
    # The kept seeds come second: libFuzzer only reads them.
    if ! run_fuzz "$mode" "$target_dir/fuzz" "$target" "$corpus/$target" "fuzz/seeds/$target" \
        -max_total_time="$seconds" -artifact_prefix="fuzz/artifacts/$target/" >"$scratch/log" 2>&1; then
        cat "$scratch/log" >&2
        echo "$target: failed" >&2
        exit 1
    fi
    figure() { sed -n "s/^stat::$1: *//p" "$scratch/log"; }
    calls="$(figure calls)"
    echo "$target: $(figure number_of_executed_units) executions${calls:+ of $calls calls} in $seconds s, no finding"
done
