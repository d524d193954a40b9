#!/usr/bin/env bash
# Runs tests under the sanitizers of the stable toolchain.
#
#   scripts/sanitize.sh                   all three
#   scripts/sanitize.sh address           one: address (with leaks), leak, thread
#   scripts/sanitize.sh leak peers        one, and only this file of tests; "lib": unit tests;
#                                         "stress": the example alone
#   scripts/sanitize.sh leak peers::NAME  and only this test
#   CALLS=250000 scripts/sanitize.sh ...  fewer calls of each of the four stress threads
#
# The standard library is as it was shipped, without instrumentation. So only the
# plain program `examples/stress.rs` runs under ThreadSanitizer: the test harness and
# scoped threads use channels and locks of that library, which it takes for races.
# Its one suppression, with the reason, is in `thread-suppressions.txt`; the other
# sanitizers' are in `leak-suppressions.txt`.
set -euo pipefail
cd "$(dirname "$0")/.."
only="${1:-}"
file="${2:-}"
calls="${CALLS:-2500000}"
target_dir="$(realpath -m "${CARGO_TARGET_DIR:-target}")/sanitize"
host="$(rustc -vV | sed -n 's/^host: //p')"
# The sanitizers are unstable; this makes the stable toolchain accept them.
export RUSTC_BOOTSTRAP=1
export EPOCHKV_PATIENCE=20
# Sequences per test of tests/model.rs, which has no threads.
export EPOCHKV_CASES="${EPOCHKV_CASES:-250}"
# Three tests leak on purpose; each reason is in the file.
export LSAN_OPTIONS="suppressions=$PWD/scripts/leak-suppressions.txt:print_suppressions=0"
files=(api batches concurrent dump faults fuzz glob incr json linearize memory model peers reuse serde
    snapshots store sweep sweep_bounds sweeper ttl values)
# What some of them need; for all, so that the library is built once.
features=dump,json,serde

# sanitized NAME FLAGS CARGO-ARGUMENT...: with a target, so that build scripts are as ever.
sanitized() {
    local name="$1" flags="$2" command="$3"
    shift 3
    # The target comes before a "--", after which all is the test's.
    CARGO_TARGET_DIR="$target_dir/$name" RUSTFLAGS="$flags --cfg crossbeam_sanitize" \
        cargo "$command" --target "$host" --locked "$@"
}

tests() {
    local name="$1" targets=() exact=()
    if [[ -z "$file" ]]; then
        targets=(--lib "${files[@]/#/--test=}")
    elif [[ "${file%%::*}" == lib ]]; then
        targets=(--lib)
    else
        targets=("--test=${file%%::*}")
    fi
    [[ "$file" != *::* ]] || exact=(--exact "${file#*::}")
    # Frame pointers: leaks are told apart by their stacks.
    sanitized "$name" "-Zsanitizer=$name -Cforce-frame-pointers=yes" test --profile sanitize \
        --features "$features" "${targets[@]}" -- "${exact[@]}"
}

stress() {
    sanitized "$1" "$2" build --profile sanitize --example stress
    "$target_dir/$1/$host/sanitize/examples/stress" --calls "$calls"
}

if [[ -z "$only" || "$only" == address ]]; then
    [[ "$file" == stress ]] || tests address
    [[ -n "$file" && "$file" != stress ]] || stress address -Zsanitizer=address
    echo "address: no finding"
fi
if [[ -z "$only" || "$only" == leak ]]; then
    [[ "$file" == stress ]] || tests leak
    [[ -n "$file" && "$file" != stress ]] || stress leak -Zsanitizer=leak
    echo "leak: no finding"
fi
if [[ -z "$only" || "$only" == thread ]]; then
    TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/scripts/thread-suppressions.txt ${TSAN_OPTIONS:-}" \
        stress thread "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
    echo "thread: no finding"
fi
