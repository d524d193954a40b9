//! A counted reference to a record, for use without a guard.

use super::{Content, Record};
use crate::reclaim::{Managed, Shared};
use crate::value::Input;
use core::ptr::NonNull;

/// Owns one reference to a record.
pub(crate) struct Handle<K: ?Sized + 'static>(NonNull<Record<K>>);

/// In place of the kind of key where it does not matter.
pub(crate) struct AnyKey;

// SAFETY: a record may be read and released by any thread (`Managed`).
unsafe impl<K: ?Sized + 'static> Send for Handle<K> {}
// SAFETY: as above.
unsafe impl<K: ?Sized + 'static> Sync for Handle<K> {}

impl<K: ?Sized + 'static> Handle<K> {
    /// Adds a reference to a record that somebody else keeps alive.
    pub(crate) fn new(record: Shared<'_, Record<K>>) -> Self {
        record.get().retain();
        Self(record.as_ptr())
    }

    /// The record.
    pub(crate) fn share(&self) -> Shared<'_, Record<K>> {
        // SAFETY: the handle's reference keeps the record alive while it is
        // borrowed.
        unsafe { Shared::new(self.0) }
    }

    /// The same record with its kind of key forgotten.
    pub(crate) fn forget_key(self) -> Handle<AnyKey> {
        // The kind of key is a phantom: the layout does not depend on it.
        Handle(core::mem::ManuallyDrop::new(self).0.cast())
    }
}

impl Handle<AnyKey> {
    /// A record outside of any store.
    pub(crate) fn detached(input: &Input<'_>) -> Self {
        Self(Record::from_bytes(&[], 0, 0, Content::of(input)).into_raw())
    }
}

impl<K: ?Sized + 'static> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self::new(self.share())
    }
}

impl<K: ?Sized + 'static> Drop for Handle<K> {
    fn drop(&mut self) {
        // SAFETY: gives up the handle's own reference.
        unsafe { Record::release(self.0) }
    }
}
