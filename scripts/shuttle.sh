#!/usr/bin/env bash
# Runs the store under random schedules of four threads; shuttle-tests/README.md says what
# that shows.
#
#   scripts/shuttle.sh                           all scenarios, 100,000 schedules each
#   scripts/shuttle.sh 1000                      so many each
#   scripts/shuttle.sh 1000 clear expiry         so many of each of these
#   scripts/shuttle.sh --replay clear SCHEDULE   one schedule, as a failure has printed it
#
# EPOCHKV_SEED repeats a run, each scenario prints its own.
set -euo pipefail
cd "$(dirname "$0")/.."
# Shuttle's own variables are ignored: the scenarios set all of it.
unset "${!SHUTTLE_@}" EPOCHKV_SCHEDULE
export RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target/shuttle}"
export RUST_BACKTRACE="${RUST_BACKTRACE:-0}"
if [[ "${1:-}" == --replay ]]; then
    export EPOCHKV_SCHEDULE="$3"
    scenarios=("$2")
else
    export EPOCHKV_SCHEDULES="${1:-100000}"
    scenarios=("${@:2}")
fi
exact=()
[[ ${#scenarios[@]} == 0 ]] || exact=(--exact "${scenarios[@]}")
exec cargo test --release --locked --no-fail-fast --manifest-path shuttle-tests/Cargo.toml \
    --test schedules -- --nocapture "${exact[@]}"
