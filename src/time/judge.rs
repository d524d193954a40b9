//! Whether an entry is alive at the instant at which it is found.

use super::clock::Clock;
use super::ttl::{NS_PER_MS, Now};
use crate::record::Deadline;

/// Tells of entries that one operation finds, one after the other, whether they have expired.
///
/// No reading of the clock is from the very instant at which an entry is found. But one that
/// was past its deadline before that had expired, and one that lives by a later reading was
/// alive. What expires between the two readings has to be looked for again.
pub(crate) struct Judge<'n, 'c, C> {
    now: &'n Now<'c, C>,
    /// The last reading, from before the entry was looked for.
    before: Option<u64>,
}

impl<'n, 'c, C: Clock> Judge<'n, 'c, C> {
    /// For what will be looked for from now on.
    pub(crate) fn new(now: &'n Now<'c, C>) -> Self {
        Self { now, before: now.known_ns() }
    }

    /// Whether the entry with this deadline had expired when it was found, which was after
    /// the last call of this function. None if that is unknown: look for it again.
    pub(crate) fn has_expired(&mut self, deadline: Deadline) -> Option<bool> {
        if deadline == 0 {
            return Some(false);
        }
        if self.before.is_some_and(|ns| ns / NS_PER_MS >= deadline) {
            return Some(true);
        }
        let after = self.now.next_ns();
        if after / NS_PER_MS < deadline {
            return Some(false);
        }
        self.before = Some(after);
        None
    }
}
