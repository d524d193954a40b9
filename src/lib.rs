#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod counter;
mod error;
mod glob;
mod key;
mod kv;
#[allow(unsafe_code)]
mod reclaim;
#[allow(unsafe_code)]
mod record;
mod snapshot;
mod sync;
#[allow(unsafe_code)]
mod table;
mod time;
mod value;

pub use error::{Error, ErrorKind};
pub use glob::{Pattern, PatternError, PatternErrorKind};
pub use key::Key;
pub use kv::{Builder, Change, Cursor, IncrOptions, Incremented, Item, Kv, Scan, Stats};
pub use record::MAX_KEY_LEN;
pub use snapshot::Snapshot;
pub use time::clock::{CachedClock, Clock, ManualClock, SystemClock};
pub use time::ttl::{Condition, Expiry, Ttl};
pub use value::{Dict, DictIter, Input, Kind, List, ListItem, TryFromValueError, Value, ValueRef};
