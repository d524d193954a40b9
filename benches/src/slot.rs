//! What the peers hold under a key: what epochkv offers, as one would add it to
//! a map that does not have it.

use core::time::Duration;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// Nanoseconds by the system's monotonic clock: what epochkv reads too.
#[must_use]
pub fn now_ns() -> u64 {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    ORIGIN.elapsed().as_nanos() as u64
}

/// A value with an optional deadline.
///
/// Text is behind an `Arc`, so that a reader can keep it, and the deadline is
/// beside it, so that checking it costs no further miss. `C` is how the map
/// counts best: `i64` where a writer has the slot for itself, `AtomicI64` where
/// readers share it in place, `Arc<AtomicI64>` where the map copies its values.
#[derive(Clone, Debug)]
pub struct Slot<C> {
    /// 0 for none.
    deadline: u64,
    value: Value<C>,
}

#[derive(Clone, Debug)]
enum Value<C> {
    Text(Arc<str>),
    Count(C),
}

impl<C> Slot<C> {
    /// Text; a time to live counts from now.
    #[must_use]
    pub fn text(text: &str, ttl: Option<Duration>) -> Self {
        let deadline = ttl.map_or(0, |ttl| now_ns() + ttl.as_nanos() as u64);
        Self { deadline, value: Value::Text(Arc::from(text)) }
    }

    /// Whether its time is over. Reads the clock only if there is a deadline.
    #[inline]
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.deadline != 0 && now_ns() >= self.deadline
    }

    /// The text, if it is that.
    #[inline]
    #[must_use]
    pub fn as_text(&self) -> Option<&Arc<str>> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Count(_) => None,
        }
    }

    /// The counter, if it is that.
    #[inline]
    #[must_use]
    pub fn as_count(&self) -> Option<&C> {
        match &self.value {
            Value::Count(count) => Some(count),
            Value::Text(_) => None,
        }
    }

    /// The counter, if it is that.
    #[inline]
    #[must_use]
    pub fn as_count_mut(&mut self) -> Option<&mut C> {
        match &mut self.value {
            Value::Count(count) => Some(count),
            Value::Text(_) => None,
        }
    }
}

impl<C: From<i64>> Slot<C> {
    /// A counter without a deadline.
    #[must_use]
    pub fn count(value: i64) -> Self {
        Self { deadline: 0, value: Value::Count(C::from(value)) }
    }
}

impl Slot<Arc<AtomicI64>> {
    /// A counter without a deadline that survives being copied.
    #[must_use]
    pub fn shared_count(value: i64) -> Self {
        Self { deadline: 0, value: Value::Count(Arc::new(AtomicI64::new(value))) }
    }
}

impl Slot<AtomicI64> {
    /// A copy, for maps that want a new value where nothing changes.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let value = match &self.value {
            Value::Text(text) => Value::Text(Arc::clone(text)),
            Value::Count(count) => Value::Count(count.load(Ordering::Relaxed).into()),
        };
        Self { deadline: self.deadline, value }
    }
}

/// What a read of a slot finds.
#[derive(Debug)]
pub(crate) enum Found<R> {
    Live(R),
    Expired,
}

impl<R> Found<R> {
    /// What `read` makes of the text of a slot, if it is alive.
    #[inline]
    pub(crate) fn read<C>(slot: &Slot<C>, read: impl FnOnce(&Arc<str>) -> R) -> Option<Self> {
        if slot.is_expired() {
            return Some(Self::Expired);
        }
        slot.as_text().map(|text| Self::Live(read(text)))
    }

    /// The answer; an expired entry is evicted first.
    #[inline]
    pub(crate) fn answer(found: Option<Self>, evict: impl FnOnce()) -> Option<R> {
        match found? {
            Self::Live(answer) => Some(answer),
            Self::Expired => {
                evict();
                None
            }
        }
    }
}
