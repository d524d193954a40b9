#!/usr/bin/env bash
# All that is too long for the gate, step by step; docs/VERIFICATION.md says what each
# step proves and keeps the last results.
#
#   scripts/verify-long.sh                 all steps, one after the other: about two days
#   scripts/verify-long.sh soak sanitize   these
#   scripts/verify-long.sh --list          their names
#
# A step that has passed at this commit is not run again, so a run that was stopped goes
# on where it was. What a step prints, and when, is kept below target/verify.
set -euo pipefail
cd "$(dirname "$0")/.."
steps=(loom shuttle orderings planted sanitize linearize model churn fuzz mutants stalled flooding soak)
events=100000000
churn=100000000
schedules=10000000
# Of each of six tests: 10^6.
cases=166667
# Of each of four threads, under each sanitizer: 10^9.
calls=250000000

step() {
    case "$1" in
        loom) scripts/loom.sh ;;
        shuttle) scripts/shuttle.sh "$schedules" ;;
        orderings) scripts/orderings.sh ;;
        planted) scripts/planted-bugs.sh ;;
        sanitize)
            local sanitizer
            for sanitizer in address leak; do
                once "sanitize-$sanitizer" scripts/sanitize.sh "$sanitizer"
            done
            for sanitizer in address leak thread; do
                once "sanitize-$sanitizer-stress" env "CALLS=$calls" \
                    scripts/sanitize.sh "$sanitizer" stress
            done
            ;;
        model)
            EPOCHKV_CASES="$cases" cargo test --release --locked --test model -- --nocapture
            ;;
        fuzz)
            # 10^8 executions of each: some 9,000 and 110,000 a second of a core.
            once fuzz-address scripts/fuzz.sh 3600
            once fuzz-operations scripts/fuzz.sh --volume 14400 operations
            once fuzz-glob scripts/fuzz.sh --volume 1800 glob
            ;;
        mutants)
            once mutants-tests scripts/mutants.sh
            once mutants-again env MUTANTS_SLOWEST=8 scripts/mutants.sh --again src
            once mutants-models scripts/mutants.sh --models
            once mutants-apart scripts/mutants.sh --apart
            ;;
        stalled | flooding) cargo run --release --locked --example "$1" ;;
        soak) scripts/soak.sh --threads 16 --stall 1 ;;
        churn)
            EPOCHKV_CHURN="$churn" cargo test --release --locked --test memory -- \
                --nocapture --exact churn::distinct_keys_that_come_and_go_need_no_more_memory
            ;;
        linearize)
            # 10^9 calls, in ten pieces of a few minutes with seeds of their own.
            local piece
            for piece in 1 2 3 4 5 6 7 8 9 10; do
                once "linearize-$piece" env "EPOCHKV_LIN_EVENTS=$events" cargo test --release \
                    --locked --test linearize -- --nocapture --test-threads=1 linearizable
            done
            ;;
        *) echo "no such step: $1" >&2 && return 1 ;;
    esac
}

# once NAME COMMAND...: unless it has passed at this commit.
once() {
    local name="$1" passed="$record/$1.passed" start=$SECONDS
    shift
    if [[ -e "$passed" ]]; then
        echo "$name: passed before, $(cat "$passed")"
        return
    fi
    echo "$name: begins, $(date -u +%FT%TZ)"
    # Its own shell, so that a failure in the middle of a step ends it.
    if ! "$@" >"$record/$name.log" 2>&1; then
        tail -n 40 "$record/$name.log"
        echo "$name: FAILED; $record/$name.log"
        return 1
    fi
    echo "$(date -u +%FT%TZ), $((SECONDS - start)) s" | tee "$passed" | sed "s/^/$name: passed, /"
}

if [[ "${1:-}" == --list ]]; then
    printf '%s\n' "${steps[@]}"
    exit
fi
if [[ "${1:-}" == --step ]]; then
    record="$3"
    step "$2"
    exit
fi
version="$(git describe --always --dirty)"
record="$(realpath -m "${CARGO_TARGET_DIR:-target}")/verify/$version"
mkdir -p "$record"
[[ $# -gt 0 ]] || set -- "${steps[@]}"
failed=0
for name in "$@"; do
    once "$name" scripts/verify-long.sh --step "$name" "$record" || failed=1
done
exit "$failed"
