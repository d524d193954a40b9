//! The memory that the buffers of all connections share.

use crate::config::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is left of it.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// The share of a connection, which holds nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), taken: 0 }
    }
}

/// What one connection has taken from the budget.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    taken: usize,
}

impl Share {
    /// Says that the connection now holds so many bytes. Returns whether there are so
    /// many; if not, nothing has changed.
    pub(crate) fn resize(&mut self, held: usize) -> bool {
        let wanted = held.saturating_sub(Config::FREE_BUFFER);
        if wanted > self.taken {
            let more = wanted - self.taken;
            let take = |left: usize| left.checked_sub(more);
            if self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                return false;
            }
        } else if wanted < self.taken {
            self.budget.left.fetch_add(self.taken - wanted, Ordering::Relaxed);
        }
        self.taken = wanted;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use crate::config::Config;

    #[test]
    fn what_is_taken_comes_back() {
        let free = Config::FREE_BUFFER;
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.resize(free) && other.resize(free), "that much is free");
        assert!(one.resize(free + 60));
        assert!(!other.resize(free + 41), "40 are left");
        assert!(other.resize(free + 40));
        assert!(one.resize(free + 10));
        assert!(other.resize(free + 90));
        drop(other);
        assert!(one.resize(free + 100));
    }
}
