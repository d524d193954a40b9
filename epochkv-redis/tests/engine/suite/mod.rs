//! What every store must do, run against each: the store in this process, one server, a cluster.
//! Where an engine must differ, `differences.rs` says so, and the cases ask it.

mod batches;
mod conditional;
mod counters;
pub mod differences;
mod expiry;
mod random;
mod values;
mod walks;

use differences::Backend;
use epochkv::Store;

/// Runs cases one after another, each on an empty store.
macro_rules! run {
    ($store:expr, $backend:expr; $($module:ident: $($case:ident),*;)*) => {
        $($(
            $store.clear().await.expect("an empty store");
            // A failed test shows which case it was in.
            println!("{:?}: {}::{}", $backend, stringify!($module), stringify!($case));
            $module::$case($store, $backend).await;
        )*)*
    };
}

pub async fn run(store: &impl Store, backend: Backend) {
    run! {
        store, backend;
        values: all_shapes_come_back, a_key_is_any_text, absent_keys, defaults_are_not_stored,
            set_replaces_any_kind, deleting, a_value_too_deep_is_refused,
            a_key_too_long_is_refused, snapshots_stay;
        counters: counting, counting_keeps_the_deadline, what_is_no_integer_is_not_counted,
            counting_beyond_i64, bounds, bounds_at_the_ends_of_i64, bounds_against_a_model,
            deadlines_of_counters, a_window, counters_in_many_tasks;
        expiry: zero_is_for_ever, the_time_left_is_rounded_up, an_expired_key_is_absent_everywhere,
            a_key_lives_as_long_as_it_was_told, times_too_long, times_below_a_millisecond,
            expiring_and_persisting, reading_and_renewing;
        conditional: set_if, swap_and_take, compare, compare_goes_by_bits, updates,
            updates_keep_or_set_the_deadline, updates_in_many_tasks, a_lock, a_future_does_nothing_unless_polled;
        batches: many_keys, long_batches, a_refused_batch_changes_nothing, no_keys;
        walks: patterns, patterns_against_the_matcher, keys_are_sorted_and_met_once,
            scans_show_values_and_deadlines, lasting_keys_are_met_while_others_come_and_go,
            clearing, clearing_while_others_write;
        random: calls_agree_with_the_store_in_this_process;
    }
    store.clear().await.expect("an empty store");
}

/// Generates numbers: the same ones in every run.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        // Marsaglia 2003, Xorshift RNGs.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("64 bits") % end
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
