#!/usr/bin/env bash
# All that is too long for the gate, step by step; docs/VERIFICATION.md says what each
# step proves and keeps the last results.
#
#   scripts/verify-long.sh                 all steps, one after the other: about two days
#   scripts/verify-long.sh soak sanitize   these
#   scripts/verify-long.sh --list          their names
#
# A step that has passed is not run again while what it looks at stays as it is, and nor is a
# piece of one; so a run that was stopped goes on where it was, also after commits that change
# nothing but documents, say. What a step prints, and when, is kept below target/verify.
set -euo pipefail
cd "$(dirname "$0")/.."
steps=(loom loom-address shuttle orderings planted sanitize stress linearize model churn fuzz mutants stalled flooding soak)
pieces=(1 2 3 4 5 6 7 8 9 10)
events=100000000
# In tables of a size at which there are filters: 10^8 in all.
filtered=10000000
churn=100000000
# Of each scenario, in ten pieces: 10^7.
schedules=1000000
# Of each of six tests: 10^6.
cases=166667
# Of each of four threads, under each sanitizer, in ten pieces: 10^9.
calls=25000000

step() {
    case "$1" in
        loom) scripts/loom.sh --long ;;
        loom-address) scripts/loom.sh --address ;;
        shuttle) in_pieces shuttle scripts/shuttle.sh "$schedules" ;;
        orderings) scripts/orderings.sh ;;
        planted) scripts/planted-bugs.sh ;;
        sanitize)
            once sanitize-address env CALLS=250000 scripts/sanitize.sh address
            once sanitize-leak env CALLS=250000 scripts/sanitize.sh leak
            ;;
        stress)
            local sanitizer
            for sanitizer in address leak thread; do
                in_pieces "stress-$sanitizer" env "CALLS=$calls" scripts/sanitize.sh "$sanitizer" stress
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
            # 10^9 calls; and some in the profile of tests, with debug assertions: filters of absent
            # keys begin at 2^4 buckets then, not at 2^19, which no history's table reaches.
            in_pieces linearize env "EPOCHKV_LIN_EVENTS=$events" cargo test --release \
                --locked --test linearize -- --nocapture --test-threads=1 linearizable
            in_pieces linearize-filters env "EPOCHKV_LIN_EVENTS=$filtered" cargo test \
                --locked --test linearize -- --nocapture --test-threads=1 linearizable
            ;;
        *) echo "no such step: $1" >&2 && return 1 ;;
    esac
}

# in_pieces NAME COMMAND...: ten times, with seeds of their own.
in_pieces() {
    local name="$1" piece
    shift
    for piece in "${pieces[@]}"; do
        once "$name-$piece" "$@"
    done
}

# record_of STEP: the folder that keeps what the step has said of the files as they are now.
record_of() {
    local files=(. ':!*.md' ':!docs' ':!benches/record')
    case "$1" in
        shuttle) files=(src shuttle-tests tests/linearize tests/common Cargo.lock) ;;
        stress) files=(src examples/stress.rs scripts/sanitize.sh scripts/*suppressions.txt Cargo.lock) ;;
        linearize) files=(src tests/linearize tests/common Cargo.lock) ;;
        model) files=(src tests/model tests/model.rs tests/common Cargo.lock) ;;
    esac
    local version
    version="$({ git ls-files -s -- "${files[@]}"; git diff HEAD -- "${files[@]}"; } | git hash-object --stdin)"
    echo "$(realpath -m "${CARGO_TARGET_DIR:-target}")/verify/$1-${version:0:12}"
}

# once NAME COMMAND...: unless it has passed.
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
[[ $# -gt 0 ]] || set -- "${steps[@]}"
failed=0
for name in "$@"; do
    record="$(record_of "$name")"
    mkdir -p "$record"
    once "$name" scripts/verify-long.sh --step "$name" "$record" || failed=1
done
exit "$failed"
