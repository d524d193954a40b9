//! A shared value behind one atomic pointer.

use super::{Guard, Section};
use crate::sync::{AtomicPtr, Ordering};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use std::sync::Arc;

/// An atomic pointer to a value that readers hold by nothing but their guards.
pub struct Protected<T>(AtomicPtr<T>, PhantomData<Arc<T>>);

impl<T> Protected<T> {
    /// Without a value.
    pub fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()), PhantomData)
    }
}

impl<T: Send + Sync + 'static> Protected<T> {
    /// The value.
    #[inline]
    pub fn load<'g>(&self, _: &'g Section) -> Option<&'g T> {
        // Acquire: pairs with `exchange`.
        let value = self.0.load(Ordering::Acquire);
        // SAFETY: null or from `exchange`; the reference that is in here is
        // retired, not dropped, when it is taken out, so the guard protects it.
        unsafe { value.as_ref() }
    }

    /// Puts `new` in place of `seen`, which was loaded under this guard. Returns
    /// what was there, which others may still read; on failure `new`.
    pub fn exchange<'g>(
        &self,
        seen: Option<&'g T>,
        new: Arc<T>,
        guard: &'g Guard,
    ) -> Result<Option<Arc<T>>, Arc<T>> {
        let seen = seen.map_or(ptr::null_mut(), |seen| ptr::from_ref(seen).cast_mut());
        let new = Arc::into_raw(new).cast_mut();
        // Release publishes the new value to `load`. No acquire: `seen` was
        // loaded with it under this guard, so its address cannot have returned.
        // Relaxed on failure.
        let swapped = self.0.compare_exchange(seen, new, Ordering::Release, Ordering::Relaxed);
        if swapped.is_err() {
            // SAFETY: from `into_raw` above, and shared with nobody.
            return Err(unsafe { Arc::from_raw(new) });
        }
        Ok(Self::retire(seen, guard))
    }

    /// Takes the value out; others may still read it.
    pub fn take(&self, guard: &Guard) -> Option<Arc<T>> {
        // Acquire: pairs with `exchange`. No release: nothing is read through null.
        Self::retire(self.0.swap(ptr::null_mut(), Ordering::Acquire), guard)
    }

    /// Retires the reference that was in the cell and returns another one.
    fn retire(value: *mut T, guard: &Guard) -> Option<Arc<T>> {
        // SAFETY: null, or from `into_raw` in `exchange` and just taken out by
        // this thread alone.
        let own = NonNull::new(value).map(|value| unsafe { Arc::from_raw(value.as_ptr()) })?;
        let other = Arc::clone(&own);
        guard.retire(size_of::<T>(), move || drop(own));
        Some(other)
    }
}

impl<T> Drop for Protected<T> {
    fn drop(&mut self) {
        // Acquire: the value was published by another thread perhaps.
        let value = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: null or from `into_raw` in `exchange`, and nobody else can
        // reach the cell any more.
        drop(NonNull::new(value).map(|value| unsafe { Arc::from_raw(value.as_ptr()) }));
    }
}
