#!/usr/bin/env bash
# Plants one bug of planted-bugs/ at a time into a copy of the crate, and runs what must
# catch it. What no bug can fail proves nothing.
#
#   scripts/planted-bugs.sh                  all bugs, all means
#   scripts/planted-bugs.sh --by loom        by one means; "test peers" is one too
#   scripts/planted-bugs.sh relaxed a-slot   those whose file names contain one of these
#   scripts/planted-bugs.sh --list           only a table of what should catch what; with
#                                            --by loom, of what models should catch
#   scripts/planted-bugs.sh --check          only: do the patches apply, is there what they
#                                            name, and are they a set of at least 16 that two
#                                            kinds of means catch, with one of each class
#
# A bug is a patch with lines of text before it: what is wrong; "class: " and a letter
# (docs/VERIFICATION.md); and one line for each means:
#
#   by: test FILE::NAME      a test of tests/FILE.rs; lib:: a unit test
#   by: loom FILE::NAME      a model of loom-tests/FILE.rs
#   by: shuttle SCENARIO     one of shuttle-tests, in 20,000 random schedules, or so many as
#                            SCHEDULES says; the result names the one that failed
#   by: fuzz TARGET          the fuzzing target finds it from nothing, within a minute
#   by: address FILE::NAME   the test, under AddressSanitizer; likewise leak
#   by: thread stress        the example under ThreadSanitizer
#   by: compile FILE         tests/FILE.rs does not compile any more
#   passes: loom FILE::NAME  a model that is known not to see it
#
# Prints one row per bug and means. Exits with 1 if one does not come out as it should,
# or if a patch no longer applies or builds.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
list="" check="" only="" names=()
while [[ $# -gt 0 ]]; do
    case "$1" in
        --list) list=1 ;;
        --check) check=1 ;;
        --by) only="$2" && shift ;;
        *) names+=("$1") ;;
    esac
    shift
done
failed=0

# The patches that were asked for.
patches() {
    local patch name
    for patch in "$source_dir"/planted-bugs/*.patch; do
        [[ ${#names[@]} -gt 0 ]] || echo "$patch"
        for name in "${names[@]}"; do
            if [[ "${patch##*/}" == *"$name"* ]]; then
                echo "$patch"
                break
            fi
        done
    done
}

# field NAME PATCH: the values of the lines that begin with this.
field() {
    sed -n "/^--- /q; s/^$1: //p" "$2"
}

if [[ -n "$list" ]]; then
    echo '| class | bug | caught by |'
    echo '| --- | --- | --- |'
    while read -r patch; do
        means="$(field by "$patch" | { grep "^$only" || true; } |
            sed 's/ \(.*\)/ `\1`/' | paste -sd ';' | sed 's/;/, /g')"
        [[ -n "$means" || -z "$only" ]] || continue
        echo "| $(field class "$patch") | $(head -n 1 "$patch" | sed 's/\.$//') | ${means:-no model can see it} |"
    done < <(patches) | sort -s -t '|' -k 2,2
    exit
fi

# plant PATCH: into a fresh copy.
plant() {
    copy_crate
    # In the copy, which is no repository; with little context, for what has moved.
    (cd "$scratch/crate" && GIT_CEILING_DIRECTORIES="$scratch" git apply -C1 "$1") >"$scratch/log" 2>&1
}

# is_there MEANS SUBJECT: what a patch names may have another name since.
is_there() {
    local file="${2%%::*}" name="${2##*::}" places
    case "$1" in
        loom) places=("loom-tests/$file.rs") ;;
        shuttle) places=("shuttle-tests/tests/schedules/main.rs") ;;
        fuzz) places=("fuzz/fuzz_targets/$file.rs") name="" ;;
        compile) places=("tests/$file.rs") name="" ;;
        thread) places=("examples/$file.rs") name="" ;;
        *) places=("tests/$file.rs" "tests/$file") ;;
    esac
    [[ "$file" != lib ]] || places=(src)
    (cd "$source_dir" && grep -qrsw "${name:+fn $name}" "${places[@]}")
}

if [[ -n "$check" ]]; then
    twice=0
    classes=""
    while read -r patch; do
        if ! (cd "$source_dir" && git apply --check -C1 "$patch") 2>"$scratch/log"; then
            echo "${patch##*/} does not apply: $(cat "$scratch/log")" >&2
            failed=1
        fi
        while read -r _ means subject; do
            is_there "$means" "$subject" && continue
            echo "${patch##*/}: there is no $means $subject" >&2
            failed=1
        done < <(sed -n '/^--- /q; /^by: \|^passes: /p' "$patch")
        if [[ "$(field by "$patch" | cut -d ' ' -f 1 | sort -u | wc -l)" -ge 2 ]]; then
            twice=$((twice + 1))
            classes+="$(field class "$patch")"
        fi
    done < <(patches)
    for class in A O D P R I G T C S B X; do
        [[ "$classes" == *"$class"* ]] || { echo "no bug of class $class" >&2 && failed=1; }
    done
    echo "$(patches | wc -l) bugs, $twice with two kinds of means or more"
    [[ "$twice" -ge 16 ]] || failed=1
    exit "$failed"
fi

# tool MEANS SUBJECT: builds, then runs what must catch the bug; the log is the
# caller's. 99: it does not build.
tool() {
    local means="$1" file="${2%%::*}" name="${2#*::}" target=(--test "${2%%::*}")
    [[ "$file" != lib ]] || target=(--lib)
    cd "$scratch/crate"
    case "$means" in
        loom)
            with_loom cargo test -q --release --test "loom_$file" --no-run || return 99
            with_loom timeout 300 cargo test -q --release --test "loom_$file" -- --exact "$name"
            ;;
        shuttle)
            export CARGO_TARGET_DIR="$target_dir/planted/shuttle"
            RUSTFLAGS="$loom_flags" cargo test -q --release --locked --test schedules --no-run \
                --manifest-path shuttle-tests/Cargo.toml || return 99
            timeout -k 1 300 scripts/shuttle.sh "${SCHEDULES:-20000}" "$2"
            ;;
        test)
            export CARGO_TARGET_DIR="$target_dir/planted"
            cargo test -q --profile mutants "${target[@]}" --no-run || return 99
            timeout -k 1 120 cargo test -q --profile mutants "${target[@]}" -- --exact "$name"
            ;;
        compile)
            export CARGO_TARGET_DIR="$target_dir/planted"
            cargo build -q --profile mutants || return 99
            cargo test -q --profile mutants --no-run --test "$file" && echo "1 passed"
            ;;
        fuzz)
            build_fuzz address "$target_dir/planted/fuzz" "$file" || return 99
            mkdir -p "$scratch/artifacts"
            run_fuzz address "$target_dir/planted/fuzz" "$file" -max_total_time=60 \
                -artifact_prefix="$scratch/artifacts/" && echo "1 passed"
            ;;
        address | leak)
            CARGO_TARGET_DIR="$target_dir/planted" timeout -k 1 900 scripts/sanitize.sh "$means" "$2"
            ;;
        thread)
            CARGO_TARGET_DIR="$target_dir/planted" CALLS="${CALLS:-200000}" \
                timeout -k 1 900 scripts/sanitize.sh thread && echo "1 passed"
            ;;
    esac
}

# One run at a time: cargo would take the library of one for that of the other.
mkdir -p "$target_dir/planted"
exec 9>"$target_dir/planted/lock"
flock 9

# try MEANS SUBJECT: sets `result`.
try() {
    local status=0
    (tool "$1" "$2") >"$scratch/log" 2>&1 || status=$?
    if [[ "$status" == 99 ]]; then
        result="does not build"
    else
        result="$(verdict "$status" "$scratch/log")"
    fi
    result+="$(sed -n 's/^stat::number_of_executed_units: */, executions: /p' "$scratch/log")"
    result+="$(sed -n 's/^.*: failed in schedule \([0-9]*\) (\(.*\))$/, schedule \1, \2/p' "$scratch/log")"
}

echo '| bug | means | result | seconds |'
echo '| --- | --- | --- | ---: |'
while read -r patch; do
    title="$(head -n 1 "$patch" | sed 's/\.$//')"
    copied=""
    while read -r expected means subject; do
        [[ -z "$only" || "$means $subject" == "$only"* ]] || continue
        start=$SECONDS
        if [[ -z "$copied" ]]; then
            copied=1
            if ! plant "$patch"; then
                cat "$scratch/log" >&2
                echo "| $title | | the patch does not apply | |"
                failed=1
                break
            fi
        fi
        try "$means" "$subject"
        wanted="caught"
        [[ "$expected" == by: ]] || wanted="not caught"
        if [[ "$result" != "$wanted"* ]]; then
            failed=1
            result="$result (expected: $wanted)"
            tail -n 30 "$scratch/log" >&2
        fi
        echo "| $title | $means \`$subject\` | $result | $((SECONDS - start)) |"
    done < <(sed -n '/^--- /q; /^by: \|^passes: /p' "$patch")
done < <(patches)
exit "$failed"
