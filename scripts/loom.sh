#!/usr/bin/env bash
# Runs all loom models. Every setting is fixed here and in loom-tests/common;
# loom's own environment variables are ignored, because some of them end an
# exploration as if it had succeeded.
#
#   scripts/loom.sh                    all models
#   scripts/loom.sh incr_and           the models whose names contain this
#   scripts/loom.sh --long [NAME]      with the bounds that are too much for the gate
#   scripts/loom.sh --address [NAME]   under AddressSanitizer, with leaks
#
# Those of moves.rs are built and run twice: with two slots per bucket, and with one.
# EPOCHKV_PREEMPTIONS=4 (or none) tries another bound.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!LOOM_@}"
export RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target/loom}"
export RUST_BACKTRACE="${RUST_BACKTRACE:-0}"
target=()
if [[ "${1:-}" == --long ]]; then
    shift
    export EPOCHKV_LONG=1
fi
if [[ "${1:-}" == --address ]]; then
    shift
    # As in sanitize.sh.
    export RUSTC_BOOTSTRAP=1
    target=(--target "$(rustc -vV | sed -n 's/^host: //p')")
    RUSTFLAGS+=" -Zsanitizer=address -Cforce-frame-pointers=yes"
    CARGO_TARGET_DIR+=/address
    # An execution frees little. Threads of a model have stacks of their own making.
    export ASAN_OPTIONS="quarantine_size_mb=16:detect_stack_use_after_return=0"
    export LSAN_OPTIONS="suppressions=$PWD/scripts/leak-suppressions.txt:print_suppressions=0"
fi
status=0
cargo test --release --no-fail-fast "${target[@]}" -p epochkv -p epochkv-job-lock \
    --test 'loom_*' -- --nocapture "$@" || status=$?
# Once more with one slot per bucket, where these models need no bound.
if grep -q "^fn .*${1:-}" loom-tests/moves.rs; then
    RUSTFLAGS+=" --cfg epochkv_one_slot"
    CARGO_TARGET_DIR+=/one-slot
    cargo test --release --no-fail-fast "${target[@]}" -p epochkv --test loom_moves \
        -- --nocapture "$@" || status=$?
fi
exit "$status"
