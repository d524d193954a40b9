//! Entries: owned before they are published, shared while somebody protects them.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// An allocation that manages its own reference count.
///
/// # Safety
///
/// `release` may be called from any thread, so the implementor must be fit to
/// be sent and shared, and it must free the allocation only when the last
/// reference is given up.
pub unsafe trait Managed: Sized + Send + Sync + 'static {
    /// Gives up one reference.
    ///
    /// # Safety
    ///
    /// The caller owns one reference to `this` and does not use it afterwards.
    unsafe fn release(this: NonNull<Self>);

    /// About how many bytes the last release frees.
    fn bytes(this: Shared<'_, Self>) -> usize;
}

/// One reference, to be given up when this is dropped.
struct Reference<E: Managed>(NonNull<E>);

// SAFETY: `Managed` promises that an implementor may be released by any thread.
unsafe impl<E: Managed> Send for Reference<E> {}

impl<E: Managed> Drop for Reference<E> {
    fn drop(&mut self) {
        // SAFETY: a `Reference` is made only from a reference that its maker
        // owned, and this is its end.
        unsafe { E::release(self.0) }
    }
}

/// An entry that no other thread has seen.
pub struct Owned<E: Managed>(Reference<E>);

impl<E: Managed> Owned<E> {
    /// # Safety
    ///
    /// The caller hands over the only reference to a valid entry.
    pub unsafe fn from_raw(entry: NonNull<E>) -> Self {
        Self(Reference(entry))
    }

    /// Gives the reference to the caller.
    pub fn into_raw(self) -> NonNull<E> {
        ManuallyDrop::new(self).0.0
    }

    /// The entry, readable while it is owned here.
    pub fn share(&self) -> Shared<'_, E> {
        Shared { entry: self.0.0, valid: PhantomData }
    }
}

/// An entry that stays valid during `'a`, because a guard or a reference of its
/// own protects it.
pub struct Shared<'a, E> {
    entry: NonNull<E>,
    valid: PhantomData<&'a E>,
}

impl<E> Clone for Shared<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Shared<'_, E> {}

impl<'a, E> Shared<'a, E> {
    /// # Safety
    ///
    /// The entry is valid for all of `'a`.
    pub unsafe fn new(entry: NonNull<E>) -> Self {
        Self { entry, valid: PhantomData }
    }

    pub fn as_ptr(self) -> NonNull<E> {
        self.entry
    }

    /// The fixed part of the entry.
    pub fn get(self) -> &'a E {
        // SAFETY: valid for `'a` by the contract of `new`; nobody ever makes a
        // mutable reference to a shared entry.
        unsafe { self.entry.as_ref() }
    }

    /// Whether both are the same allocation.
    pub fn is(self, other: Self) -> bool {
        self.entry == other.entry
    }
}
