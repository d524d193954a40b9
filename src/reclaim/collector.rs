//! crossbeam-epoch, and what stands for it in models. The only file that names it.
//!
//! All stores of a process share one collector of their own: a guard that some other
//! crate keeps on crossbeam's default collector holds back nothing here.

#[cfg(not(epochkv_loom))]
mod imp {
    use crossbeam_epoch::{Collector, LocalHandle};
    use std::sync::LazyLock;

    pub use crossbeam_epoch::Guard;

    static COLLECTOR: LazyLock<Collector> = LazyLock::new(Collector::new);

    thread_local! {
        static PARTICIPANT: LocalHandle = COLLECTOR.register();
    }

    /// Makes the collector, once: who comes meanwhile has to wait. So it is done where a store
    /// is made, and by no operation.
    pub fn prepare() {
        LazyLock::force(&COLLECTOR);
    }

    pub fn unprotected() -> &'static Guard {
        // SAFETY: the caller of `Guard::unprotected` promises what this asks.
        unsafe { crossbeam_epoch::unprotected() }
    }

    #[inline(always)]
    pub fn pin() -> Guard {
        // The thread-local is gone while a thread's destructors run; a call from
        // there registers for its own duration.
        PARTICIPANT.try_with(LocalHandle::pin).unwrap_or_else(|_| COLLECTOR.register().pin())
    }
}

/// Models choose the collector at run time: crossbeam-epoch's own, which is
/// explored too, or one that keeps all garbage until the model ends and so adds
/// nothing to the state space.
#[cfg(epochkv_loom)]
mod imp {
    use crate::sync::{AtomicU64, Ordering};
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    thread_local! {
        // Loom runs all threads of a model on one thread of the system.
        static KEEP: Cell<bool> = const { Cell::new(true) };
        static KEPT: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(Vec::new()) };
        static GATE: RefCell<Option<Arc<AtomicU64>>> = const { RefCell::new(None) };
    }

    pub enum Guard {
        Epoch(crossbeam_epoch::Guard),
        Keep,
    }

    impl Guard {
        pub fn defer(&self, work: impl FnOnce() + Send + 'static) {
            match self {
                Self::Epoch(guard) => guard.defer(work),
                Self::Keep => KEPT.with_borrow_mut(|kept| kept.push(Box::new(work))),
            }
        }

        pub fn flush(&self) {
            if let Self::Epoch(guard) = self {
                guard.flush();
            }
        }
    }

    pub fn pin() -> Guard {
        if let Some(gate) = GATE.with_borrow(Clone::clone) {
            // Relaxed: a model must not see order where the store made none.
            gate.fetch_add(1, Ordering::Relaxed);
        }
        if KEEP.get() { Guard::Keep } else { Guard::Epoch(crossbeam_epoch::pin()) }
    }

    pub fn unprotected() -> &'static Guard {
        Box::leak(Box::new(Guard::Keep))
    }

    pub fn use_epoch(yes: bool) {
        KEEP.set(!yes);
    }

    pub fn set_gate(closed: bool) {
        GATE.set(closed.then(Arc::default));
    }

    pub fn release_kept() {
        loop {
            let kept = KEPT.with_borrow_mut(std::mem::take);
            if kept.is_empty() {
                return;
            }
            kept.into_iter().for_each(|work| work());
        }
    }
}

pub use imp::*;
