#!/usr/bin/env bash
# Mutation testing: the mutants that cargo-mutants names, judged by the package `mutants`
# from one build of a copy of the crate. A mutant that has a result is not judged again;
# so a run that was stopped goes on where it was. docs/MUTANTS.md explains it.
#
#   scripts/mutants.sh                     all of src
#   scripts/mutants.sh src/kv src/key.rs   these, in this order
#   scripts/mutants.sh --again PLACE...    those there that no test has caught
#   scripts/mutants.sh --apart             those that have no switch, by cargo-mutants
#   scripts/mutants.sh --report            a table of the results so far
#
# MUTANTS_SLOWEST   tests that take longer do not judge (1 second)
# MUTANTS_TESTS     only tests judge whose "program name" has one of these parts (a,b,c)
# MUTANTS_JOBS      how many tests run at once (2)
# MUTANTS_THROUGH   a command that starts each step, such as a lock
# MUTANTS_FOR       how long a step may take at most (seconds)
#
# Results are below target/mutants. Needs cargo-mutants, and `--apart` cargo-nextest, which are
# installed if they are missing.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
cd "$source_dir"
work="$target_dir/mutants"
read -r -a through <<<"${MUTANTS_THROUGH:-env}"
mkdir -p "$work"

# report: counts by file. A mutant that hangs is caught, and what was caught once stays so.
report() {
    cat "$work"/results "$work"/results-* 2>/dev/null | awk -F'\t' '
        outcome[$3] != "caught" && outcome[$3] != "hung" { outcome[$3] = $1 }
        END {
            for (name in outcome) {
                file = name; sub(/:.*/, "", file)
                files[file]; count[file, outcome[name]]++; all[outcome[name]]++
            }
            print "| file | caught | of these by hanging | missed | do not build |"
            print "| --- | ---: | ---: | ---: | ---: |"
            sort = "sort"
            for (file in files)
                printf "| `%s` | %d | %d | %d | %d |\n", file, count[file, "caught"] + count[file, "hung"],
                    count[file, "hung"], count[file, "missed"] + count[file, "sometimes"],
                    count[file, "unviable"] | sort
            close(sort)
            caught = all["caught"] + all["hung"]
            printf "\n%d of %d caught\n", caught, caught + all["missed"] + all["sometimes"]
        }'
}

# Those that no switch can be made for, each by a build of its own.
apart() {
    cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
    copy_crate "$work/apart"
    cd "$work/apart"
    export CARGO_TARGET_DIR="$work/apart-build"
    rm -rf "$work/apart-results"
    status=0
    "${through[@]}" cargo mutants --in-place --timeout 900 --no-times --colors never \
        --output "$work/apart-results" --re "$(cat "$work/apart.re")" || status=$?
    # 2: some were missed; 3: some hung. Anything else is no result.
    [[ "$status" =~ ^[023]$ ]]
    for outcome in caught missed timeout unviable; do
        sed "s/^/${outcome/timeout/hung}\t\t/" "$work/apart-results/mutants.out/$outcome.txt"
    done >"$work/results-apart"
}

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants
again=
case "${1:-}" in
--report)
    report
    exit
    ;;
--apart)
    apart
    exit
    ;;
--again)
    again=1
    shift
    ;;
esac
[[ $# -gt 0 ]] || set -- src
[[ -z "$again" ]] || export MUTANTS_AGAIN=1

cargo mutants --list --json >"$work/list.json"
"${through[@]}" cargo build --release --manifest-path mutants/Cargo.toml --target-dir "$work/tool"
tool="$work/tool/release/mutants"
copy_crate "$work/crate"
export CARGO_TARGET_DIR="$work/build"
"${through[@]}" "$tool" switch "$work/list.json" "$work/crate"
"${through[@]}" "$tool" build "$work/crate"
# 75: the step's time was over before its work.
status=75
while [[ "$status" == 75 ]]; do
    status=0
    "${through[@]}" "$tool" judge "$work/crate" "$@" || status=$?
done
[[ "$status" == 0 ]]
report
