#!/usr/bin/env bash
# Weakens every ordering of `src` that is not relaxed, one at a time, and runs the
# model that the ledger names; see `docs/ORDERINGS.md`, whose rows it reads.
#
#   scripts/orderings.sh            all rows
#   scripts/orderings.sh word.rs    those that contain this
#   scripts/orderings.sh --check    only whether ledger and source have the same accesses
#
# Prints the rows as they come out. Exits with 1 if one is not as recorded, or if
# the ledger does not have exactly the accesses of the source.
#
# All rows are one build: every ordering is passed through a function that weakens
# the one that the environment names.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
only="${1:-}"
ledger="$source_dir/docs/ORDERINGS.md"
scripts="$source_dir/scripts"

# The weaker forms of every access: place, ordering, weaker, number.
perl "$scripts/orderings.pl" list "$source_dir/src" >"$scratch/accesses"
# The rows: place, ordering, weaker, model, result.
perl -ne 'print join("\t", $1, $2, $3, $4 // "none", $5), "\n"
    if /^\| `([^`]+)` \| (\w+) \| (\w+) \| (?:`(\w+::\w+)`|none) \| ([^|]*?) \|$/' "$ledger" >"$scratch/rows"
if ! diff <(cut -f 1-3 "$scratch/accesses" | sort) <(cut -f 1-3 "$scratch/rows" | sort); then
    echo "the ledger (>) does not have the accesses of the source (<)" >&2
    exit 1
fi
echo "$(cut -f 4 "$scratch/accesses" | uniq | wc -l) accesses, $(wc -l <"$scratch/rows") weaker forms" >&2
[[ "$only" == --check ]] && exit 0

copy_crate
perl "$scripts/orderings.pl" patch "$scratch/crate/src"
with_loom cargo test --release --no-run --test 'loom_*' >"$scratch/build" 2>&1 || {
    cat "$scratch/build" >&2
    exit 1
}

# run WEAKER MODEL: the verdict.
run() {
    local weaker="$1" test="${2%%::*}" model="${2#*::}" status=0
    local executable
    executable="$(sed -n "s/.*Executable loom-tests\/$test.rs (\(.*\))/\1/p" "$scratch/build")"
    with_loom env EPOCHKV_WEAKER="$weaker" timeout 300 "$executable" --exact "$model" \
        >"$scratch/log" 2>&1 || status=$?
    # A model that takes too long has not failed.
    if [[ "$status" == 124 ]]; then echo "cut"; else verdict "$status" "$scratch/log"; fi
}

failed=0
declare -A sound
echo '| access | ordering | weaker | model | result |'
echo '| --- | --- | --- | --- | --- |'
while IFS=$'\t' read -r place ordering weaker model recorded; do
    row="| \`$place\` | $ordering | $weaker | \`$model\` |"
    [[ "$row" == *"$only"* ]] || continue
    # Loom does not see this one at all: the ledger has an argument.
    if [[ "$model" == none ]]; then
        echo "| \`$place\` | $ordering | $weaker | none | $recorded |"
        [[ "$recorded" == argued* ]] || failed=1
        continue
    fi
    number="$(awk -F '\t' -v place="$place" -v ordering="$ordering" \
        '$1 == place && $2 == ordering { print $4; exit }' "$scratch/accesses")"
    # A model that fails as it is proves nothing.
    [[ -n "${sound[$model]:-}" ]] || sound[$model]="$(run "" "$model")"
    result="$(run "$number:$weaker" "$model")"
    [[ "${sound[$model]}" == "not caught" ]] || result="the model fails as it is"
    if [[ "$result" == "${recorded%% (*}" ]]; then
        echo "$row $recorded |"
    else
        failed=1
        echo "$row $result, recorded: $recorded |"
        tail -n 30 "$scratch/log" >&2
    fi
done <"$scratch/rows"
exit "$failed"
