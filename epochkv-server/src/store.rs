//! The store behind the commands: strings of bytes under keys of bytes.
//!
//! A string that is the text of an integer is stored as that integer, every other as
//! bytes. The form is lossless because such a text is the only one that prints so; and an
//! integer counts in place. `encode` makes the form, `Text` reads it.

use crate::clock::UnixClock;
use crate::number;
use epochkv::{Cursor, Expiry, Input, Item, Kv, Pattern, Ttl, Value, ValueRef};
use std::hash::RandomState;
use std::io;
use std::time::Duration;

/// How often expired entries are looked for.
const TICK: Duration = Duration::from_millis(10);

/// The store. Its clock shows Unix time, so its deadlines are those of EXPIREAT.
///
/// The hasher is the keyed cryptographic one: clients choose the keys.
pub type Keys = Kv<[u8], RandomState, UnixClock>;

/// What the commands work on.
#[derive(Debug)]
pub struct Store {
    pub(crate) keys: Keys,
    clock: UnixClock,
    /// Ends with the store.
    _sweeper: epochkv::Sweeper,
}

impl Store {
    /// An empty store with a thread that removes what has expired.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn new() -> io::Result<Self> {
        let clock = UnixClock::new();
        let keys = Kv::builder().hasher(RandomState::new()).clock(clock).byte_keys().build();
        let _sweeper = keys.start_sweeper(TICK)?;
        Ok(Self { keys, clock, _sweeper })
    }

    /// Milliseconds since 1970, as the store counts them.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// When a key expires, in milliseconds since 1970.
    pub(crate) fn deadline(&self, key: &[u8]) -> Deadline {
        loop {
            let before = self.now_ms();
            let expiry = self.keys.expiry(key);
            let left = match expiry {
                Expiry::Missing => return Deadline::Missing,
                Expiry::Never => return Deadline::Never,
                Expiry::In(left) => i64::try_from(left.as_millis()).unwrap_or(i64::MAX),
            };
            // Within one millisecond both readings are the one that the store took.
            if before == self.now_ms() {
                return Deadline::At { deadline: before.saturating_add(left), left };
            }
        }
    }

    /// Some key, each about as likely as any other: the next after a point that is
    /// picked at random from where keys are.
    pub(crate) fn random_key(&self, point: u64, choice: u64) -> Option<Item<[u8]>> {
        /// Keys among which one is chosen.
        const STEP: usize = 64;

        let everything = Pattern::<[u8]>::prefix(b"");
        let mut cursor = Cursor::from(point);
        let mut wrapped = cursor.is_start();
        loop {
            let (next, mut page) = self.keys.scan_page(cursor, &everything, STEP);
            if !page.is_empty() {
                let len = u64::try_from(page.len()).unwrap_or(u64::MAX);
                let chosen = usize::try_from(choice % len).unwrap_or_default();
                return Some(page.swap_remove(chosen));
            }
            if next.is_start() {
                if wrapped {
                    return None;
                }
                wrapped = true;
            }
            cursor = next;
        }
    }
}

/// What is known about the end of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    Missing,
    Never,
    /// Milliseconds since 1970, and from now.
    At {
        deadline: i64,
        left: i64,
    },
}

/// A time to live that ends at a time in milliseconds since 1970.
pub(crate) fn until(ms: i64) -> Ttl {
    Ttl::until(Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
}

/// A string in the form in which it is stored.
pub(crate) fn encode(text: &[u8]) -> Input<'_> {
    match number::parse(text) {
        Some(int) => Value::Int(int).into(),
        None => text.into(),
    }
}

/// A stored string: its bytes, or the integer that stands for its text.
pub(crate) enum Text<'v> {
    Int(itoa::Buffer, i64),
    Bytes(&'v [u8]),
}

impl<'v> Text<'v> {
    pub(crate) fn new(value: ValueRef<'v>) -> Self {
        match value {
            ValueRef::Int(int) => Self::Int(itoa::Buffer::new(), int),
            ValueRef::Bytes(bytes) => Self::Bytes(bytes),
            // `encode` makes nothing else.
            _ => Self::Bytes(&[]),
        }
    }

    pub(crate) fn bytes(&mut self) -> &[u8] {
        match self {
            Self::Int(buffer, int) => buffer.format(*int).as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}
