#!/usr/bin/env bash
# Plants one bug at a time into a copy of the crate and expects a fuzzing target to
# find it from nothing, without the kept seeds. A target that finds no bug proves
# nothing.
#
#   scripts/fuzz-mutants.sh          all bugs
#   scripts/fuzz-mutants.sh range    those whose names contain this
#
# Prints one row per bug. Exits with 1 if one was not found within a minute, or if a
# patch no longer applies or builds.
set -euo pipefail
source_dir="$(cd "$(dirname "$0")/.." && pwd)"
only="${1:-}"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export RUSTC_BOOTSTRAP=1
# A directory of its own: cargo would take a mutant's library for the real one.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$source_dir/target}/fuzz-mutants"
failed=0

# mutant NAME FILE PERL-SUBSTITUTION TARGET
mutant() {
    local name="$1" file="$2" patch="$3" target="$4"
    [[ "$name" == *"$only"* ]] || return 0
    rm -rf "$scratch/crate"
    mkdir -p "$scratch/crate" "$scratch/artifacts"
    tar -C "$source_dir" --exclude=./target --exclude=./.git -cf - . | tar -C "$scratch/crate" -xf -
    perl -0pi -e "$patch" "$scratch/crate/src/$file"
    local result status=0 start
    if cmp -s "$source_dir/src/$file" "$scratch/crate/src/$file"; then
        result="patch does not apply"
    elif ! (cd "$scratch/crate" && cargo fuzz build --release --debug-assertions "$target") \
        >"$scratch/log" 2>&1; then
        result="does not build"
    else
        start=$SECONDS
        "$CARGO_TARGET_DIR"/*/release/"$target" -max_total_time=60 -max_len=512 -detect_leaks=0 \
            -print_final_stats=1 -artifact_prefix="$scratch/artifacts/" >"$scratch/log" 2>&1 || status=$?
        result="not found"
        [[ "$status" == 0 ]] || result="found"
        result="$result | $((SECONDS - start)) | $(sed -n \
            's/^stat::number_of_executed_units: *//p' "$scratch/log")"
    fi
    if [[ "$result" != found* ]]; then
        failed=1
        tail -n 30 "$scratch/log" >&2 || true
    fi
    printf '| %s | `%s` | %s | %s |\n' "$name" "$file" "$target" "$result"
    { grep -A3 "panicked at\|ERROR: " "$scratch/log" | cut -c1-300 | head -n 8 >&2; } || true
}

echo '| bug | file in `src` | target | result | seconds | executions |'
echo '| --- | --- | --- | --- | ---: | ---: |'

mutant "the clock's fraction of a millisecond is dropped" time/ttl.rs \
    's/self\.ns\(\)\.div_ceil\(NS_PER_MS\)/self.ns() \/ NS_PER_MS/' operations
mutant "a fraction of a millisecond to live is dropped" time/ttl.rs \
    's/let ms = time\.as_nanos\(\)\.div_ceil\((u128::from\(NS_PER_MS\))\)/let ms = time.as_nanos() \/ $1/' \
    operations
mutant "a far deadline wraps around" time/ttl.rs \
    's/saturating_add\(ms\)\.min\(LAST\)/wrapping_add(ms) & LAST/' operations
mutant "an increment that replaces loses the deadline" kv/incr.rs \
    's/\(_, old\) => old\.unwrap_or\(0\)/(_, _) => 0/' operations
mutant "no deadline is not infinitely late" time/ttl.rs \
    's/old != 0 && new > old/new > old/' operations
mutant "an update overwrites what came meanwhile" kv/update.rs \
    's/if !unchanged/if false \&\& !unchanged/' operations

mutant "the ends of a range are not swapped" glob/parser.rs \
    's/\(end, unit\)\n/(unit, end)\n/' glob
mutant "a hyphen before the bracket begins a range" glob/parser.rs \
    's/if end == u32::from\(b.\]/if false \&\& end == u32::from(b\x27]/' glob
mutant "a long piece loses the bit that moves to the next word" glob/masks.rs \
    's/carry = \*matched >> \(u64::BITS - 1\);/carry = *matched >> (u64::BITS - 1) \& 0;/' glob

mutant "a deque of one item is the item" value/convert.rs \
    's/VecDeque<T> => \|x\| Self::list\(x\);/VecDeque<T> => |x| match x.len() { 1 => x.into_iter().next().map_or(Self::Null, Into::into), _ => Self::list(x) };/' \
    values
mutant "the last item alone says whether there is a NaN" value/node.rs \
    's/all\.has_nan \|\| child\.has_nan/child.has_nan/' values
mutant "the last item alone says how deep a value is" value/node.rs \
    's/all\.depth\.max\(child\.depth\.saturating_add\(1\)\)/child.depth.saturating_add(1)/' values

mutant "an increment is a load and a store" record/cell.rs \
    's/match self\.0\.compare_exchange_weak\(\s+seen,\s+sum as u64,\s+Ordering::AcqRel,\s+Ordering::Acquire,\s+\)/match { std::thread::yield_now(); self.0.store(sum as u64, Ordering::Release); Ok::<u64, u64>(seen) }/' \
    threads
mutant "a slot is not frozen before it moves" table/bucket.rs \
    's/current\.slots\.iter\(\)\.for_each\(Slot::freeze\);/current.slots.iter().skip(1).for_each(Slot::freeze);/' \
    threads
mutant "an entry is released at once" reclaim.rs \
    's/self\.guard\.retire\(bytes, move \|\| drop\(reference\)\);/let _ = bytes; drop(reference);/' threads

exit "$failed"
