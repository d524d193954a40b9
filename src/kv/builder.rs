//! Options of a new store.

use super::{DefaultHashBuilder, Kv};
use crate::key::Key;
use crate::time::clock::{Clock, SystemClock};
use core::hash::BuildHasher;
use core::marker::PhantomData;
use std::sync::Arc;

/// Options of a new store; see [`Kv::builder`].
///
/// ```
/// use epochkv::{Kv, ManualClock};
///
/// let kv = Kv::builder()
///     .capacity(10_000)
///     .hasher(std::hash::RandomState::new())
///     .clock(ManualClock::new())
///     .build();
/// kv.set("k", 1)?;
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Builder<K: Key + ?Sized = str, S = DefaultHashBuilder, C = SystemClock> {
    capacity: usize,
    hasher: S,
    clock: C,
    name: Arc<str>,
    key: PhantomData<fn(&K)>,
}

impl<K: Key + ?Sized, S: Default, C: Default> Default for Builder<K, S, C> {
    fn default() -> Self {
        let (hasher, clock) = (S::default(), C::default());
        Self { capacity: 0, hasher, clock, name: Arc::default(), key: PhantomData }
    }
}

impl<K: Key + ?Sized, S, C> Builder<K, S, C> {
    /// The number of entries that the store holds before it grows, and below
    /// which it does not shrink.
    ///
    /// ```
    /// let kv = epochkv::Kv::builder().capacity(10_000).build();
    /// assert!(kv.stats().buckets > 1000);
    /// ```
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// A name for people: `Debug` shows it, the metrics have it as the label `store`, and the
    /// events of sweepers as the field `store`; those of resizes have none.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::builder().name("sessions").build();
    /// assert_eq!(format!("{kv:?}"), r#"Kv { name: "sessions", len: 0, .. }"#);
    /// ```
    pub fn name(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Keys of bytes instead of text.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::builder().byte_keys().build();
    /// kv.set(b"\xff\x00", 1)?;
    /// assert_eq!(kv.keys(b"?\x00"), [b"\xff\x00"]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn byte_keys(self) -> Builder<[u8], S, C> {
        let Self { capacity, hasher, clock, name, .. } = self;
        Builder { capacity, hasher, clock, name, key: PhantomData }
    }

    /// Another hasher. The default is quick and keyed at random per store, but
    /// not cryptographic: where hostile clients choose the keys and can measure
    /// times, [`std::hash::RandomState`] is the safer choice.
    ///
    /// It must give equal keys equal hashes; a hasher that does not makes keys
    /// unfindable, but breaks nothing else.
    ///
    /// ```
    /// use std::hash::RandomState;
    ///
    /// let kv = epochkv::Kv::builder().hasher(RandomState::new()).build();
    /// kv.set("k", 1)?;
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn hasher<T: BuildHasher>(self, hasher: T) -> Builder<K, T, C> {
        let Self { capacity, clock, name, key, .. } = self;
        Builder { capacity, hasher, clock, name, key }
    }

    /// Another clock, for tests, for simulations, or for a quicker reading of the time. The
    /// default is [`SystemClock`].
    ///
    /// ```
    /// use epochkv::{Kv, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let kv = Kv::builder().clock(clock.clone()).build();
    /// kv.set_ex("k", 1, 10)?;
    /// clock.advance(Duration::from_secs(10));
    /// assert!(!kv.exists("k"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn clock<T: Clock>(self, clock: T) -> Builder<K, S, T> {
        let Self { capacity, hasher, name, key, .. } = self;
        Builder { capacity, hasher, clock, name, key }
    }

    /// The store, empty. Aborts if the memory for its capacity cannot be had.
    ///
    /// ```
    /// let kv = epochkv::Kv::builder().build();
    /// assert!(kv.is_empty());
    /// ```
    #[must_use]
    pub fn build(self) -> Kv<K, S, C> {
        Kv::from_parts(self.capacity, self.hasher, self.clock, self.name)
    }
}
