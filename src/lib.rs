#![doc = "[guarantees]: guide::guarantees"]
#![doc = "[semantics]: guide::semantics"]
#![doc = "[expiry]: guide::expiry"]
#![doc = "[limits]: guide::limits"]
#![doc = "[choosing]: guide::choosing"]
#![doc = "[migrating]: guide::migrating"]
#![doc = "[testing]: guide::testing"]
#![doc = "[benchmarks]: guide::benchmarks"]
#![doc = ""]
#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// What is public for models alone.
#![cfg_attr(epochkv_loom, allow(missing_docs, missing_debug_implementations))]
#![cfg_attr(epochkv_loom, allow(clippy::new_without_default, clippy::len_without_is_empty))]

mod counter;
#[cfg(feature = "dump")]
mod dump;
mod error;
mod glob;
#[cfg(any(doc, doctest))]
pub mod guide;
mod key;
mod kv;
#[cfg(epochkv_loom)]
mod model;
#[allow(unsafe_code)]
mod reclaim;
mod record;
mod snapshot;
mod store;
mod sweep;
mod sync;
mod table;
mod time;
mod trace;
mod value;

#[cfg(feature = "dump")]
#[cfg_attr(docsrs, doc(cfg(feature = "dump")))]
pub use dump::{LoadError, LoadErrorKind};
pub use error::{Error, ErrorKind};
pub use glob::{Pattern, PatternError, PatternErrorKind};
pub use key::Key;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use kv::describe_metrics;
pub use kv::{
    Builder, Change, Cursor, DefaultHashBuilder, IncrOptions, Incremented, Item, Kv, Scan, Stats,
    Sweeper, Swept, TtlRule,
};
#[cfg(feature = "dump")]
#[cfg_attr(docsrs, doc(cfg(feature = "dump")))]
pub use kv::{Dumped, Loaded};
#[cfg(epochkv_loom)]
pub use model::model;
pub use record::MAX_KEY_LEN;
pub use snapshot::Snapshot;
pub use store::{Store, StoreError, StoreErrorKind, StoreScan};
pub use time::clock::{CachedClock, Clock, ManualClock, SystemClock};
pub use time::ttl::{Condition, Expiry, Ttl, TtlKind};
pub use value::{Dict, DictIter, Input, Kind, List, ListItem, TryFromValueError, Value, ValueRef};
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use value::{SerdeError, ValueDeserializer, ValueSerializer, from_value, to_value};

/// What the models in `loom-tests` reach into. Not part of the crate: it exists
/// only in model checking builds.
#[cfg(epochkv_loom)]
#[doc(hidden)]
pub mod internals {
    pub use crate::model::on_a_thread_of_its_own;
    pub use crate::reclaim::garbage::Garbage;
    pub use crate::reclaim::grace::Grace;
    pub use crate::reclaim::readers::Readers;
    pub use crate::reclaim::{
        Guard, Managed, Owned, Shared, Stack, Unlinked, pin, release_kept, use_epoch,
    };
    pub use crate::sweep::handle::Handle;
    pub use crate::sweep::inbox::{Inbox, Taken};
    pub use crate::table::{Cursor, Entry, Occupied, Place, Table, Vacant, use_filter};
}
