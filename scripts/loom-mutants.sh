#!/usr/bin/env bash
# Plants one bug at a time into a copy of the crate and expects a loom model to
# fail. A model that no bug can fail proves nothing.
#
#   scripts/loom-mutants.sh            all bugs
#   scripts/loom-mutants.sh relaxed    those whose names contain this
#
# Prints one row per bug. Exits with 1 if a bug that should be caught was not, if
# one that is known to pass was caught, or if a patch no longer applies or builds.
set -euo pipefail
source "$(dirname "$0")/loom-lib.sh"
only="${1:-}"
failed=0

# mutant NAME FILE PERL-SUBSTITUTION TEST MODEL [EXPECTED]
# EXPECTED is "caught" unless it is known that no model can see the bug.
mutant() {
    local name="$1" file="$2" patch="$3" test="$4" model="$5" expected="${6:-caught}"
    [[ "$name" == *"$only"* ]] || return 0
    copy_crate
    perl -0pi -e "$patch" "$scratch/crate/src/$file"
    local result status=0 start=$SECONDS
    if cmp -s "$source_dir/src/$file" "$scratch/crate/src/$file"; then
        result="patch does not apply"
    elif ! (cd "$scratch/crate" && cargo test -q --release --test "$test" --no-run) \
        >"$scratch/log" 2>&1; then
        result="does not build"
    else
        (cd "$scratch/crate" && timeout 300 cargo test -q --release --test "$test" -- \
            --exact "$model") >"$scratch/log" 2>&1 || status=$?
        result="$(verdict "$status" "$scratch/log")"
    fi
    if [[ "$result" != "$expected" ]]; then
        failed=1
        result="$result (expected: $expected)"
        tail -n 30 "$scratch/log" >&2 || true
    fi
    printf '| %s | `%s` | `%s` | %s |\n' "$name" "$file" "${test#loom_}::$model" "$result"
    echo "$name: $((SECONDS - start)) s" >&2
}

echo '| bug | file in `src` | model | result |'
echo '| --- | --- | --- | --- |'

# The protocol of insertion.
mutant "commit without looking again" table/claim.rs \
    's/match self\.rival\(claim\.entry\(\), claim\.slot\(\), guard\)/match { let _ = claim.slot(); Rival::<E>::None }/' \
    loom_insert one_of_two_claims_lands
mutant "a rival behind is not kicked" table/claim.rs \
    's/if slot\.kick\(word\)/if true/' \
    loom_insert two_claims_of_writers_line_up
mutant "no fence between claim and second look" sync.rs \
    's/(fn order_write_before_reads.*?)loom::sync::atomic::fence\(Ordering::SeqCst\);/$1let _ = Ordering::SeqCst;/s' \
    loom_insert one_of_two_claims_lands
mutant "a removed helped entry is not marked" table/word.rs \
    's/if seen\.is_helped\(\)/if false/' \
    loom_insert a_helped_entry_may_be_gone_before_its_inserter_looks
mutant "an inserter ignores that it was helped" table/word.rs \
    's/\|\| E::is_committed\(entry\)//' \
    loom_insert a_helped_entry_may_be_gone_before_its_inserter_looks
mutant "relaxed load of a slot" table/word.rs \
    's/Word::new\(self\.0\.load\(Ordering::Acquire\)\)/Word::new(self.0.load(Ordering::Relaxed))/' \
    loom_insert a_published_entry_is_complete
mutant "relaxed publication by replace" table/word.rs \
    's/(seen\.raw, new\.raw, )Ordering::SeqCst/$1Ordering::Relaxed/' \
    loom_insert a_published_entry_is_complete
mutant "relaxed claim" table/word.rs \
    's/(seen\.raw, word\.raw, )Ordering::SeqCst/$1Ordering::Relaxed/' \
    loom_insert two_claims_of_writers_line_up
# The entry itself is published by the claim, whose release sequence goes on; what
# the scan saw is not.
mutant "relaxed commit" table/word.rs \
    's/(claimed\.raw, to\.raw, )Ordering::SeqCst/$1Ordering::Relaxed/' \
    loom_orderings a_commit_publishes_what_its_scan_saw

# Counters.
mutant "deciding by the value without freezing it" record/raw.rs \
    's/cell\.freeze\(\)/cell.get()/' \
    loom_counter incr_and_take
mutant "incr ignores that the cell is frozen" record/cell.rs \
    's/if seen & FROZEN != 0/if false/' \
    loom_counter incr_and_swap
mutant "relaxed load of the cell" record/cell.rs \
    's/value\(self\.0\.load\(Ordering::Acquire\)\)/value(self.0.load(Ordering::Relaxed))/' \
    loom_update an_increment_publishes_what_came_before
mutant "relaxed increment" record/cell.rs \
    's/Ordering::AcqRel,\n(\s+)Ordering::Acquire,/Ordering::Relaxed,\n$1Ordering::Relaxed,/' \
    loom_update an_increment_publishes_what_came_before
mutant "relaxed freeze of the cell" record/cell.rs \
    's/FROZEN, Ordering::AcqRel/FROZEN, Ordering::Relaxed/' \
    loom_update a_decision_sees_what_came_before
# Who is turned away by the freeze goes on to the slot, whose own release carries
# all that an answer depends on.
mutant "freeze of the cell without release" record/cell.rs \
    's/FROZEN, Ordering::AcqRel/FROZEN, Ordering::Acquire/' \
    loom_update a_decision_publishes_what_came_before "not caught"

# Expiry.
mutant "absent is answered before the entry is unlinked" kv/access.rs \
    's/(fn after_expiry.*?loop \{)/$1 if now.is_past(expired.deadline()) { return None; }/s' \
    loom_expiry expire_does_not_resurrect
mutant "expiry removes by key, not by entry" kv/access.rs \
    's/if !now\.is_past\(place\.entry\(\)\.deadline\(\)\)/if false/' \
    loom_expiry get_of_expired_and_set

# Migration, walks.
mutant "ready before it is filled" table/resize.rs \
    's/(let mut layout = \[None; SLOTS\];)/target.link().publish(None); $1/' \
    loom_resize rebuild_and_get
mutant "a frozen word is taken for the truth" table/word.rs \
    's/if self\.is_frozen\(\) \{\n(\s+)return None;/if false {\n$1return None;/' \
    loom_resize a_moved_group_in_the_current_array
mutant "a late helper overwrites the successor" table/word.rs \
    's/let _ =\s+self\.0\.compare_exchange\(\s*ptr::null_mut\(\),\s+word\.raw,[^;]*;/self.0.store(word.raw, Ordering::Release);/' \
    loom_resize grow_and_set
mutant "relaxed publication of a link" table/word.rs \
    's/(ptr::null_mut\(\), raw, )Ordering::Release, Ordering::Acquire/$1Ordering::Relaxed, Ordering::Relaxed/' \
    loom_resize grow_and_get
mutant "a slot is not frozen" table/bucket.rs \
    's/current\.slots\.iter\(\)\.for_each\(Slot::freeze\);/current.slots.iter().skip(1).for_each(Slot::freeze);/' \
    loom_resize grow_and_delete
mutant "duplicates stay in a walk" table/scan.rs \
    's/        remove_duplicates\(found, start\);/        let _ = start;/' \
    loom_scan a_key_that_moves_is_listed_once
mutant "a walk does not follow a migration" table/scan.rs \
    's/visits\.extend\(next\.buckets_of/Vec::new().extend(next.buckets_of/' \
    loom_scan keys_and_grow

# Sweeping.
mutant "a sweep asks for its handle before it asks for any" sweep/filed.rs \
    's/self\.settle\(next\) \|\| self\.exchange\(tick, next\)/self.exchange(tick, next) || self.settle(next)/' \
    loom_sweep a_moved_handle_is_not_lost
mutant "a sweep does not look again when it has moved a handle" kv/sweep.rs \
    's/(tick: next \}\);\s+)again = true;/$1/' \
    loom_sweep a_moved_handle_is_not_lost
mutant "no fence between moving a handle and looking again" kv/sweep.rs \
    's/sync::fence\(\);//; s/use crate::sync;//' \
    loom_sweep a_moved_handle_is_not_lost
mutant "no fence between a write and the old handle" sweep/mod.rs \
    's/        order_write_before_reads\(\);//; s/, order_write_before_reads//' \
    loom_sweep a_moved_handle_is_not_lost
mutant "a sweep does not look again when an entry has changed" kv/sweep.rs \
    's/again \|= !self\.remove\(place, guard\)/self.remove(place, guard)/' \
    loom_sweep sweep_and_set_ex_of_expired
mutant "a handle that comes too late is taken over" sweep/mod.rs \
    's/inherited != 0 && inherited <= own\.tick/inherited != 0/' \
    loom_sweep a_nearer_deadline_has_its_own_handle
mutant "the walk believes what entries say" kv/sweep.rs \
    's/timing\.filed\.enforce\(next\);\s+true/timing.filed.settle(next)/' \
    loom_sweep begin_again_and_set_ex
mutant "no fence between the begin of feeding and the walk" sweep/mod.rs \
    's/        fence\(\);//; s/Ordering, fence, /Ordering, /' \
    loom_sweep begin_and_set_ex_of_an_absent_key
mutant "a handle that may be taken over is weeded out" kv/sweep.rs \
    's/ \|\| filed == 0;/;/' \
    loom_sweep weeding_and_set_ex
mutant "a block is read but not closed" sweep/inbox.rs \
    's/self\.reserved\.fetch_add\(CLOSED, Ordering::Acquire\)/self.reserved.load(Ordering::Acquire)/' \
    loom_sweep pushed_handles_come_out_once
mutant "a handle that is not written yet is given up" sweep/inbox.rs \
    's/self\.unread == 0/true/' \
    loom_sweep pushed_handles_come_out_once
mutant "relaxed publication of a handle" sweep/inbox.rs \
    's/(handle\.tick, )Ordering::Release/$1Ordering::Relaxed/' \
    loom_sweep pushed_handles_come_out_once
mutant "a full block is not handed over" sweep/inbox.rs \
    's/shard\.full\.push\(full\);/drop(full);/' \
    loom_sweep pushed_handles_come_out_once

# Reclamation.
mutant "an entry is released at once" reclaim.rs \
    's/self\.guard\.retire\(bytes, move \|\| drop\(reference\)\);/let _ = bytes; drop(reference);/' \
    loom_reclaim a_replaced_entry_stays_for_its_reader
mutant "an array is freed at once" table/array.rs \
    's/guard\.retire\(old\.0\.bytes\(\), move \|\| drop\(old\)\);/let _ = guard; drop(old);/' \
    loom_reclaim a_retired_array_stays_for_its_reader
mutant "a snapshot without a reference" record/raw.rs \
    's/record\.get\(\)\.retain\(\);//' \
    loom_reclaim a_snapshot_outlives_its_key

exit "$failed"
