//! A store's figures for the `metrics` facade.

use super::Kv;
use super::stats::Stats;
use std::sync::Arc;

/// Tells the recorder that is installed what the figures of stores mean, for exporters that
/// show that. Once per process, after the recorder is installed.
///
/// ```
/// epochkv::describe_metrics();
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub fn describe_metrics() {
    use metrics::Unit::{Bytes, Count};
    use metrics::{describe_counter, describe_gauge};
    describe_gauge!("epochkv_entries", Count, "Entries, expired ones that nobody met included");
    describe_gauge!("epochkv_buckets", Count, "Buckets of the table, of seven entries each");
    describe_gauge!("epochkv_overflow_buckets", Count, "Overflow buckets in use");
    describe_gauge!("epochkv_table_bytes", Bytes, "Memory of the table, without entries");
    describe_gauge!("epochkv_resizing", Count, "1 while the table grows or shrinks, else 0");
    describe_gauge!("epochkv_handles", Count, "Deadlines that the sweeper knows");
    describe_gauge!(
        "epochkv_garbage",
        Count,
        "Removed entries of all stores that wait to be freed"
    );
    describe_counter!("epochkv_resizes_total", Count, "How often the table grew or shrank");
    describe_counter!("epochkv_expired_total", Count, "Expired entries that were removed");
    describe_counter!("epochkv_swept_total", Count, "Those of them that sweeps removed");
    describe_counter!(
        "epochkv_callback_panics_total",
        Count,
        "Panics of callbacks and other foreign code in sweepers"
    );
}

#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
impl<K: crate::key::Key + ?Sized, S, C> Kv<K, S, C> {
    /// Gives the store's [`stats`](Self::stats) to the recorder of the `metrics` facade, with
    /// its [name](crate::Builder::name) as the label `store`. O(number of cores).
    ///
    /// A [sweeper](Kv::start_sweeper) does it at every tick; without one, whoever serves the
    /// figures calls it before.
    ///
    /// | gauges | counters |
    /// | --- | --- |
    /// | `epochkv_entries`, `epochkv_handles`, `epochkv_garbage` (of all stores) | `epochkv_expired_total`, `epochkv_swept_total` |
    /// | `epochkv_buckets`, `epochkv_overflow_buckets`, `epochkv_table_bytes`, `epochkv_resizing` | `epochkv_resizes_total` |
    /// | | `epochkv_callback_panics_total` |
    ///
    /// Hits and misses are not among them: counting them would cost every read a write.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// // With a recorder installed, such as that of an exporter for Prometheus.
    /// let sessions = Kv::builder().name("sessions").build();
    /// sessions.set_ex("session:7", "token", 60)?;
    /// sessions.publish_metrics(); // epochkv_entries{store="sessions"} 1
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn publish_metrics(&self) {
        use metrics::{counter, gauge};
        let Stats {
            entries,
            buckets,
            overflow_buckets,
            table_bytes,
            resizing,
            resizes,
            expired,
            swept,
            handles,
            garbage,
            callback_panics,
        } = self.stats();
        let store = || Arc::clone(self.table().name());
        let gauges = [
            (gauge!("epochkv_entries", "store" => store()), entries),
            (gauge!("epochkv_buckets", "store" => store()), buckets),
            (gauge!("epochkv_overflow_buckets", "store" => store()), overflow_buckets),
            (gauge!("epochkv_table_bytes", "store" => store()), table_bytes),
            (gauge!("epochkv_resizing", "store" => store()), usize::from(resizing)),
            (gauge!("epochkv_handles", "store" => store()), handles),
            // Of all stores, so without the label.
            (gauge!("epochkv_garbage"), garbage),
        ];
        for (gauge, value) in gauges {
            gauge.set(value as f64);
        }
        let counters = [
            (counter!("epochkv_resizes_total", "store" => store()), resizes),
            (counter!("epochkv_expired_total", "store" => store()), expired),
            (counter!("epochkv_swept_total", "store" => store()), swept),
            (counter!("epochkv_callback_panics_total", "store" => store()), callback_panics),
        ];
        for (counter, value) in counters {
            counter.absolute(value);
        }
    }
}
