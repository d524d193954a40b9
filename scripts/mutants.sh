#!/usr/bin/env bash
# Mutation testing by cargo-mutants, one file of `src` after the other, in a copy of
# the crate. A file that has a result is not run again; so a run that was stopped
# goes on where it was. docs/MUTANTS.md explains the mutants that stay.
#
#   scripts/mutants.sh                     all files
#   scripts/mutants.sh src/kv src/key.rs   these, in this order
#   scripts/mutants.sh --report            a table of the results so far
#
# Results, a folder per file, are below target/mutants. Needs cargo-mutants and
# cargo-nextest, which are installed if they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
target_dir="$(realpath -m "${CARGO_TARGET_DIR:-target}")/mutants"
results="$target_dir/results"
mkdir -p "$results"

# The tests that are built for what the quick ones have missed.
others=(faults fuzz memory model peers reuse sweeper concurrent)

# report FOLDER...: counts by cargo-mutants' outcome. A mutant that hangs is caught.
report() {
    local folder caught missed hung unviable all_caught=0 all_missed=0
    # What the second run did not repeat is in the results of the first.
    both() { cat "$folder"/mutants.out{.old,}/"$1".txt 2>/dev/null | wc -l; }
    echo '| file | caught | of these by hanging | missed | do not build |'
    echo '| --- | ---: | ---: | ---: | ---: |'
    for folder in "$@"; do
        [[ -e "$folder/done" ]] || continue
        hung="$(both timeout)" unviable="$(both unviable)" caught=$(($(both caught) + $(both timeout)))
        missed="$(cat "$folder/mutants.out/missed.txt" 2>/dev/null | wc -l)"
        all_caught=$((all_caught + caught)) all_missed=$((all_missed + missed))
        echo "| \`$(cat "$folder/done")\` | $caught | $hung | $missed | $unviable |"
    done
    echo
    echo "$all_caught of $((all_caught + all_missed)) caught"
}

if [[ "${1:-}" == --report ]]; then
    report "$results"/*
    exit
fi

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants
cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
[[ $# -gt 0 ]] || set -- src
copy="$target_dir/crate"
rm -rf "$copy"
mkdir -p "$copy"
tar --exclude=./target --exclude=./.git -cf - . | tar -C "$copy" -xf -
cd "$copy"
export CARGO_TARGET_DIR="$target_dir/build"
export EPOCHKV_PATIENCE="${EPOCHKV_PATIENCE:-3}"
# As it is, the crate passes: else every mutant would count as caught.
[[ -n "${NO_BASELINE:-}" ]] || cargo nextest run --cargo-profile mutants $(sed -n 's/^ *"\(--.*\)",$/\1/p' .cargo/mutants.toml) \
    --profile mutants --no-fail-fast --retries 2 --status-level fail

# mutate FILE ARGUMENT...
mutate() {
    local status=0
    cargo mutants --in-place --baseline skip --timeout 900 --no-times --colors never \
        --output "$folder" --file "$@" >>"$folder/log" 2>&1 || status=$?
    # 2: some were missed; 3: some hung. Anything else is no result.
    if [[ "$status" != 0 && "$status" != 2 && "$status" != 3 ]]; then
        tail -n 20 "$folder/log" >&2
        exit 1
    fi
}

for file in $(for place in "$@"; do find "$place" -name '*.rs' | sort; done); do
    folder="$results/${file//\//-}"
    [[ ! -e "$folder/done" ]] || continue
    rm -rf "$folder"
    mkdir -p "$folder"
    mutate "$file"
    if [[ -s "$folder/mutants.out/missed.txt" ]]; then
        mutate "$file" --iterate "${others[@]/#/--cargo-arg=--test=}"
    fi
    echo "$file" >"$folder/done"
    report "$folder" | sed -n 3p
done
report "$results"/*
