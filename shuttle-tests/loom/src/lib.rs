//! Shuttle under the names of loom: what epochkv and crossbeam use of it in model
//! checking builds.

pub use shuttle::{hint, lazy_static, thread, thread_local};

/// A cell without checks: shuttle looks for no data races.
pub mod cell {
    /// As loom's.
    #[derive(Debug)]
    pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell with this content.
        pub const fn new(content: T) -> Self {
            Self(core::cell::UnsafeCell::new(content))
        }

        /// Passes the address on, for reading.
        pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// Passes the address on, for writing.
        pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

/// Locks and atomics.
pub mod sync {
    pub use shuttle::sync::{Arc, Condvar, Mutex};

    /// Atomics, each access a point at which another thread may go on.
    pub mod atomic {
        pub use shuttle::sync::atomic::{
            AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr,
            AtomicU8, AtomicU16, AtomicU64, AtomicUsize, Ordering, fence,
        };

        /// Shuttle's, with the one method of loom's more that epochkv calls.
        #[derive(Debug, Default)]
        pub struct AtomicU32(shuttle::sync::atomic::AtomicU32);

        impl AtomicU32 {
            /// An atomic with this value.
            pub const fn new(value: u32) -> Self {
                Self(shuttle::sync::atomic::AtomicU32::new(value))
            }

            /// Passes the value on. Nobody else reaches it: it is borrowed.
            pub fn with_mut<R>(&mut self, change: impl FnOnce(&mut u32) -> R) -> R {
                change(self.0.get_mut())
            }
        }

        impl core::ops::Deref for AtomicU32 {
            type Target = shuttle::sync::atomic::AtomicU32;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    }
}

/// What `epochkv::model` is made of.
pub mod model {
    use std::path::PathBuf;
    use std::time::Duration;

    /// Schedules of a model that has no other bound.
    const SCHEDULES: usize = 10_000;

    /// As loom's, but `check` samples schedules where loom tries all.
    #[derive(Debug, Default)]
    #[non_exhaustive]
    pub struct Builder {
        /// Has no meaning here.
        pub preemption_bound: Option<usize>,
        /// The most steps of a schedule.
        pub max_branches: usize,
        /// Has no meaning here.
        pub checkpoint_file: Option<PathBuf>,
        /// The number of schedules.
        pub max_permutations: Option<usize>,
        /// The longest time to go on.
        pub max_duration: Option<Duration>,
    }

    impl Builder {
        /// A builder without bounds.
        pub fn new() -> Self {
            Self { max_branches: 1_000_000, ..Self::default() }
        }

        /// Runs `body` under random schedules.
        pub fn check(&self, body: impl Fn() + Send + Sync + 'static) {
            let mut config = shuttle::Config::new();
            config.max_steps = shuttle::MaxSteps::FailAfter(self.max_branches);
            config.max_time = self.max_duration;
            let schedules = self.max_permutations.unwrap_or(SCHEDULES);
            let scheduler = shuttle::scheduler::RandomScheduler::new(schedules);
            shuttle::Runner::new(scheduler, config).run(body);
        }
    }
}
