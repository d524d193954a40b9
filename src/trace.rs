//! What is said to the `tracing` facade; without that feature, nothing.
//!
//! Only sweepers and resizes come by here, no operation does. Resizes speak from within an
//! operation, so a subscriber's panic ends here.

/// One event of this crate: its level, its text, and its fields by name.
macro_rules! event {
    ($level:ident, $text:literal $(, $field:ident)*) => {{
        #[cfg(feature = "tracing")]
        {
            let tell = || tracing::event!(target: "epochkv", tracing::Level::$level, $($field,)* $text);
            catch(tell);
        }
        #[cfg(not(feature = "tracing"))]
        {
            $(let _ = $field;)*
        }
    }};
}

/// Calls a subscriber; none if it panics. What it panics with stays: to drop it could
/// panic in turn.
#[cfg(feature = "tracing")]
fn catch<R>(tell: impl FnOnce() -> R) -> Option<R> {
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(tell));
    told.map_err(core::mem::forget).ok()
}

/// A migration to another number of buckets, or the same without so many overflow buckets,
/// has begun.
pub(crate) fn resize_begins(store: &str, from: usize, to: usize, entries: usize) {
    event!(DEBUG, "a resize begins", store, from, to, entries);
}

/// It is over.
pub(crate) fn resize_ends(store: &str, buckets: usize) {
    event!(DEBUG, "a resize ends", store, buckets);
}

/// A sweeper of a store begins.
pub(crate) fn sweeper_begins(store: &str) {
    event!(DEBUG, "a sweeper begins", store);
}

/// It ends.
pub(crate) fn sweeper_ends(store: &str) {
    event!(DEBUG, "a sweeper ends", store);
}

/// A round has removed something.
pub(crate) fn swept(store: &str, removed: usize, handles: usize) {
    event!(DEBUG, "swept", store, removed, handles);
}

/// A round has found nothing, as most do.
pub(crate) fn swept_nothing(store: &str, handles: usize) {
    event!(TRACE, "swept nothing", store, handles);
}

/// For seconds, more has expired than a sweeper could remove.
pub(crate) fn sweeper_is_behind(store: &str) {
    event!(WARN, "a sweeper is behind; writers help", store);
}

/// It is behind no more.
pub(crate) fn sweeper_has_caught_up(store: &str) {
    event!(INFO, "a sweeper has caught up", store);
}

/// A callback, or a clock, panicked in a sweeper.
pub(crate) fn sweeper_panicked(store: &str) {
    event!(ERROR, "foreign code panicked in a sweeper", store);
}

/// Runs a round within a span, to which the events of a callback belong.
pub(crate) fn in_sweep<R>(store: &str, sweep: impl FnOnce() -> R) -> R {
    #[cfg(feature = "tracing")]
    let _span = catch(|| tracing::debug_span!(target: "epochkv", "sweep", store).entered());
    #[cfg(not(feature = "tracing"))]
    let _ = store;
    sweep()
}
