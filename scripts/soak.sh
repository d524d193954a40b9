#!/usr/bin/env bash
# Churn with deadlines at full speed on more threads than cores, half an hour by
# default; fails if resident memory grows or a thread stands still.
#
#   scripts/soak.sh [--seconds 60] [--threads 16] ...
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --release --locked --quiet --example soak -- "$@"
