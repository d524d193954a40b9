#!/usr/bin/env bash
# Runs all loom models. Every setting is fixed here and in loom-tests/common;
# loom's own environment variables are ignored, because some of them end an
# exploration as if it had succeeded.
#
#   scripts/loom.sh            all models
#   scripts/loom.sh incr_and   the models whose names contain this
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!LOOM_@}"
export RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target/loom}"
export RUST_BACKTRACE="${RUST_BACKTRACE:-0}"
exec cargo test --release --no-fail-fast -p epochkv -p epochkv-job-lock --test 'loom_*' \
    -- --nocapture "$@"
