//! The two words of a bucket, slot and link: their bits, and every transition
//! they make. Nobody outside of this file and `tag` sees a bit.
//!
//! ```text
//! slot  63    62 ........ 48   47 ........... 4    3       2      1     0
//!       LIVE  bits of hash     entry pointer       HELPED  TENT   MARK  FROZEN
//!       '------ tag -----'
//! link                         bucket pointer                     MARK  FROZEN
//! ```
//!
//! The state machine and the invariants I1 to I9 named here are in `table/mod.rs`.

use super::entry::Entry;
use super::tag::{LIVE, OTHERS, Tag};
use crate::reclaim::{Guard, Owned, Section, Shared, Unlinked};
use crate::sync::{AtomicPtr, Ordering, order_write_before_reads};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

const FROZEN: usize = 1;
const MARK: usize = 1 << 1;
const TENTATIVE: usize = 1 << 2;
const HELPED: usize = 1 << 3;
const ADDRESS: usize = 0x0000_ffff_ffff_fff0;

/// A slot word as it was read under a guard.
pub(super) struct Word<'g, E> {
    raw: *mut E,
    guard: PhantomData<&'g Section>,
}

impl<E> Clone for Word<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Word<'_, E> {}

impl<E> PartialEq for Word<'_, E> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

/// Witness that a frozen bucket was seen not to be ready while the guard of `'g` was held: its
/// words still are the truth, so what they name cannot have been retired before the guard (I6).
#[derive(Clone, Copy)]
pub(super) struct Unready<'g>(PhantomData<&'g Section>);

impl<'g, E: Entry> Word<'g, E> {
    #[inline]
    fn new(raw: *mut E) -> Self {
        Self { raw, guard: PhantomData }
    }

    fn emptied() -> Self {
        Self::new(ptr::without_provenance_mut(MARK))
    }

    /// The live word of `entry`.
    fn naming(entry: &Owned<E>, tag: Tag) -> Self {
        let entry = entry.share().as_ptr();
        // An address outside of the packed range would corrupt the tag.
        assert!(entry.addr().get() & !ADDRESS == 0, "entry outside of the 48-bit address space");
        Self::new(entry.as_ptr().map_addr(|address| address | tag.bits()))
    }

    fn tentative(entry: &Owned<E>, tag: Tag) -> Self {
        Self::new(Self::naming(entry, tag).raw.map_addr(|address| (address & !LIVE) | TENTATIVE))
    }

    /// The live form of a tentative word.
    fn committed(self, flags: usize) -> Self {
        Self::new(self.raw.map_addr(|address| (address & !TENTATIVE) | LIVE | flags))
    }

    /// Whether this is the word of a live entry with this tag.
    #[inline]
    pub(super) fn has_tag(self, tag: Tag) -> bool {
        self.raw.addr() ^ tag.bits() <= OTHERS
    }

    /// The tag of a live or tentative word.
    #[inline]
    pub(super) fn tag(self) -> Tag {
        Tag::in_word(self.raw.addr())
    }

    /// Of at most eight words any one with this tag, which is a live one, if there is one: its
    /// entry, or none if it is frozen. Without a branch on any of them, because which one it is
    /// cannot be predicted.
    #[inline(always)]
    pub(super) fn entry_with_tag<const N: usize>(
        words: [Self; N],
        tag: Tag,
    ) -> Option<Option<Shared<'g, E>>> {
        const { assert!(N <= 8) };
        // Where the tag is the upper bits become zero, which makes that word the least.
        let flipped = |word: Self| word.raw.map_addr(|address| address ^ tag.bits());
        let has_tag = |raw: *mut E| raw.addr() <= OTHERS;
        // A model has to repeat, so there no address decides between two words with the tag.
        let goes_first = |one: *mut E, other: *mut E| {
            if cfg!(epochkv_loom) { has_tag(one) } else { one.addr() <= other.addr() }
        };
        let mut words = words.map(flipped);
        // By halves of eight: each step waits for one of three before it, not of six.
        for half in [4, 2, 1] {
            for index in half..N.min(2 * half) {
                let (one, other) = (words[index - half], words[index]);
                words[index - half] = if goes_first(one, other) { one } else { other };
            }
        }
        // Flags and pointer are as they were read; only the tag is gone.
        words.first().copied().filter(|&raw| has_tag(raw)).map(|raw| Self::new(raw).entry())
    }

    /// Whether this, if it names an entry, live or tentative, names one with this tag.
    #[inline]
    pub(super) fn is_alike(self, tag: Tag) -> bool {
        self.tag() == tag
    }

    #[inline]
    pub(super) fn is_frozen(self) -> bool {
        self.raw.addr() & FROZEN != 0
    }

    pub(super) fn is_live(self) -> bool {
        self.raw.addr() & LIVE != 0
    }

    /// Empty and claimable: never used in this table, or emptied.
    pub(super) fn is_free(self) -> bool {
        self.raw.addr() & !MARK == 0
    }

    pub(super) fn is_tentative(self) -> bool {
        self.raw.addr() & TENTATIVE != 0
    }

    fn is_helped(self) -> bool {
        self.raw.addr() & HELPED != 0
    }

    /// The entry pointer of any word.
    pub(super) fn pointer(self) -> Option<NonNull<E>> {
        NonNull::new(self.raw.map_addr(|address| address & ADDRESS))
    }

    /// The entry of a live or tentative word that is not frozen.
    #[inline]
    pub(super) fn entry(self) -> Option<Shared<'g, E>> {
        if self.is_frozen() {
            return None;
        }
        // SAFETY: I1: the word was in the table after the guard was pinned and
        // was not frozen, so its entry was not retired before the guard.
        self.pointer().map(|entry| unsafe { Shared::new(entry) })
    }

    /// The entry of a live word, frozen or not, of a bucket that was not ready.
    pub(super) fn entry_while(self, _: Unready<'g>) -> Option<Shared<'g, E>> {
        if !self.is_live() {
            return None;
        }
        // SAFETY: I6: the witness was taken under this guard before the word
        // was read, and the entry of a bucket that is not ready is not retired.
        self.pointer().map(|entry| unsafe { Shared::new(entry) })
    }

    /// The word of a live entry for a successor, where it has this tag: what a migration writes.
    pub(super) fn thawed(self, tag: Tag) -> Self {
        debug_assert!(self.is_live());
        Self::new(self.raw.map_addr(|address| (address & OTHERS & !FROZEN) | tag.bits()))
    }
}

/// One slot: an atomic [`Word`].
pub(super) struct Slot<E>(AtomicPtr<E>);

impl<E: Entry> Slot<E> {
    /// A slot that was never used. In tables proper the same state comes as zeroed memory.
    pub(super) fn unused() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Acquire: what is read through the word was written before it was
    /// published by `claim`, `replace` or `fill`.
    #[inline]
    pub(super) fn load<'g>(&self, _: &'g Section) -> Word<'g, E> {
        Word::new(self.0.load(Ordering::Acquire))
    }

    /// SeqCst: of two rivals for one key, the one whose claim comes second in
    /// the total order reads the other's claim here (I3); pairs with `claim`.
    pub(super) fn load_rival<'g>(&self, _: &'g Guard) -> Word<'g, E> {
        Word::new(self.0.load(Ordering::SeqCst))
    }

    /// Free to tentative: publishes `entry` for helpers, not yet for readers.
    /// The caller keeps what it returns in a `Claim`.
    pub(super) fn claim<'g>(
        &self,
        seen: Word<'g, E>,
        entry: Owned<E>,
        tag: Tag,
    ) -> Result<(Word<'g, E>, Shared<'g, E>), Owned<E>> {
        debug_assert!(seen.is_free());
        let word = Word::tentative(&entry, tag);
        // SeqCst: the store half of the store-load order between two rivals;
        // pairs with `load_rival`. Its release half publishes the entry to
        // helpers. Relaxed on failure: nothing is read through the word.
        let swapped =
            self.0.compare_exchange(seen.raw, word.raw, Ordering::SeqCst, Ordering::Relaxed);
        if swapped.is_err() {
            return Err(entry);
        }
        order_write_before_reads();
        // SAFETY: I1: published just now, under the guard of `seen`.
        Ok((word, unsafe { Shared::new(entry.into_raw()) }))
    }

    /// Tentative to live (`commit`), or to empty, by the claimer. A helper may
    /// have been faster with the one, a rival or a migration with the other.
    pub(super) fn decide<'g>(
        &self,
        claimed: Word<'g, E>,
        entry: Shared<'g, E>,
        commit: bool,
        guard: &'g Guard,
    ) -> Outcome<'g, E> {
        let to = if commit { claimed.committed(0) } else { Word::emptied() };
        // SeqCst: part of the total order of I3; its release half publishes the entry to `load`.
        // On failure acquire: if the word was helped and then replaced, COMMITTED was set before
        // the word read here was written; and SeqCst, so that the helper's commit comes before
        // what the inserter reads next in the total order, as its own would (`sweep::filed`).
        let swapped =
            self.0.compare_exchange(claimed.raw, to.raw, Ordering::SeqCst, Ordering::SeqCst);
        let landed = match swapped.map_err(Word::<E>::new) {
            Ok(_) => commit,
            Err(now) => {
                (now.is_live() && now.pointer() == claimed.pointer()) || E::is_committed(entry)
            }
        };
        if landed {
            Outcome::Landed(entry)
        } else {
            // SAFETY: I4: a claim that was withdrawn, kicked or frozen out was
            // never live, its word is gone, and its claimer alone retires it.
            Outcome::Undone(unsafe { Unlinked::new(entry.as_ptr(), guard) })
        }
    }

    /// Tentative to empty, by a rival with the better right. The entry stays
    /// its inserter's to retire.
    pub(super) fn kick(&self, seen: Word<'_, E>) -> bool {
        debug_assert!(seen.is_tentative());
        let emptied = Word::<E>::emptied();
        // Relaxed: all that matters is that the claim can no longer be committed, and every
        // decision about it is an exchange of this one word. Nobody reads through an emptied
        // word, the entry stays its inserter's, and the release sequences of former writes go on.
        // I3 orders claims and scans only, and a scan that reads this has read beyond the claim.
        self.0.compare_exchange(seen.raw, emptied.raw, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Tentative to live, by a helper.
    pub(super) fn commit_for(&self, seen: Word<'_, E>) {
        debug_assert!(seen.is_tentative());
        let live = seen.committed(HELPED);
        // SeqCst: as `decide`. Failure needs no answer: somebody else has decided about this claim.
        let _ = self.0.compare_exchange(seen.raw, live.raw, Ordering::SeqCst, Ordering::Relaxed);
    }

    /// Live to live: the linearization point of overwriting. The loser gets
    /// its entry back, unseen by others.
    pub(super) fn replace<'g>(
        &self,
        seen: Word<'g, E>,
        entry: Owned<E>,
        guard: &'g Guard,
    ) -> Result<(Shared<'g, E>, Unlinked<'g, E>), Owned<E>> {
        // One key has one tag.
        let new = Word::naming(&entry, seen.tag());
        let Some(old) = Self::prepare_unlink(seen) else {
            return Err(entry);
        };
        // SeqCst: comes before what the writer reads next in the total order, the old entry's
        // handle and whether to file at all (`sweep::filed`). The release half publishes the new
        // entry to `load`; the acquire half orders the old one's retirement after its publication.
        let swapped =
            self.0.compare_exchange(seen.raw, new.raw, Ordering::SeqCst, Ordering::Relaxed);
        if swapped.is_err() {
            return Err(entry);
        }
        // SAFETY: I1: published just now, under this guard.
        let published = unsafe { Shared::new(entry.into_raw()) };
        // SAFETY: I4: this compare-exchange took the old entry out of the only
        // word through which new pins can reach it.
        Ok((published, unsafe { Unlinked::new(old, guard) }))
    }

    /// Live to empty: the linearization point of removal and of unlinking an expired entry.
    pub(super) fn remove<'g>(
        &self,
        seen: Word<'g, E>,
        guard: &'g Guard,
    ) -> Option<Unlinked<'g, E>> {
        let old = Self::prepare_unlink(seen)?;
        let emptied = Word::<E>::emptied();
        // Release: lets the inserter of a helped entry, who reads the emptied word, see
        // COMMITTED, and whoever finds the key absent what was done before. No acquire: `seen`
        // was loaded with it, and a word that names an entry is not written twice under a guard
        // (I2, I4), so this reads the same write.
        self.0
            .compare_exchange(seen.raw, emptied.raw, Ordering::Release, Ordering::Relaxed)
            .is_ok()
            // SAFETY: I4, as in `replace`.
            .then(|| unsafe { Unlinked::new(old, guard) })
    }

    /// Before a helped entry leaves its slot, its inserter must be able to learn
    /// that the insertion had succeeded (I5).
    fn prepare_unlink(seen: Word<'_, E>) -> Option<NonNull<E>> {
        debug_assert!(seen.is_live() && !seen.is_frozen());
        if seen.is_helped() {
            E::set_committed(seen.entry()?);
        }
        seen.pointer()
    }

    /// Any state to its frozen form, for good; a tentative entry is kicked.
    pub(super) fn freeze(&self) {
        // Relaxed: the value is only the expectation of the exchange below.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let word = Word::<E>::new(seen);
            if word.is_frozen() {
                return;
            }
            let frozen = if word.is_live() {
                seen.map_addr(|address| address | FROZEN)
            } else {
                ptr::without_provenance_mut(FROZEN)
            };
            // Release, so that whoever reads FROZEN sees the successor in the header (pairs with
            // `load`). No acquire: nothing is read through `seen`; a migration loads the word
            // again. Relaxed on failure: tried again.
            match self.0.compare_exchange_weak(seen, frozen, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Unused to live, by a migration: moves the right to the entry from the
    /// frozen slot of the predecessor to this one. All helpers write the same
    /// word, and the slot is never unused again (I7).
    pub(super) fn fill(&self, thawed: Word<'_, E>) {
        let unused = ptr::null_mut();
        // Release publishes the entry to those who enter through the successor.
        // No acquire on success: null was never written. Acquire on failure
        // orders the winner's word before the caller's `Link::publish`.
        let _ = self.0.compare_exchange(unused, thawed.raw, Ordering::Release, Ordering::Acquire);
    }

    /// As [`fill`](Self::fill), in a bucket that only the caller can reach yet.
    pub(super) fn fill_private(&self, thawed: Word<'_, E>) {
        // Relaxed: `Link::publish` publishes the bucket.
        self.0.store(thawed.raw, Ordering::Relaxed);
    }
}

/// How a claim ended.
#[must_use]
pub(super) enum Outcome<'g, E: Entry> {
    /// The entry became live; it may have been replaced since.
    Landed(Shared<'g, E>),
    /// The entry never was live and is out of the table.
    Undone(Unlinked<'g, E>),
}

/// A link word as it was read under a guard.
pub(super) struct LinkWord<'g, B> {
    raw: *mut B,
    guard: PhantomData<&'g Section>,
}

impl<'g, B> LinkWord<'g, B> {
    #[inline]
    pub(super) fn is_frozen(&self) -> bool {
        self.raw.addr() & FROZEN != 0
    }

    /// The overflow bucket, if there is one.
    #[inline]
    pub(super) fn next(&self) -> Option<&'g B> {
        let bucket = self.raw.map_addr(|address| address & !(FROZEN | MARK));
        // SAFETY: I8: overflow buckets are initialized before they are linked
        // and live as long as their table, which the guard protects.
        unsafe { bucket.as_ref() }
    }
}

/// The last word of a bucket: where its chain goes on, and, in a successor,
/// whether its group has been migrated.
pub(super) struct Link<B>(AtomicPtr<B>);

impl<B> Link<B> {
    pub(super) fn unused() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Acquire: an overflow bucket's words were written before `append` or `publish` linked it.
    /// Coming after the acquire loads of the slots, this load is not moved before them, which makes
    /// an unfrozen end of a chain the proof that no migration had finished while they were read.
    #[inline]
    pub(super) fn load<'g>(&self, _: &'g Section) -> LinkWord<'g, B> {
        LinkWord { raw: self.0.load(Ordering::Acquire), guard: PhantomData }
    }

    /// As [`load`](Self::load), in the total order of I3: a rival's claim may
    /// have come with the overflow bucket that holds it; pairs with `append`.
    pub(super) fn load_rival<'g>(&self, _: &'g Guard) -> LinkWord<'g, B> {
        LinkWord { raw: self.0.load(Ordering::SeqCst), guard: PhantomData }
    }

    /// `None` once the group of this bucket has been migrated; before that the
    /// witness that the predecessor's words are the truth.
    pub(super) fn unready<'g>(&self, _: &'g Section) -> Option<Unready<'g>> {
        // Acquire: pairs with `publish`, so that a ready group's words are seen.
        self.0.load(Ordering::Acquire).is_null().then_some(Unready(PhantomData))
    }

    /// End of chain to overflow bucket, with a claim in `slot`, which is one of
    /// that bucket's. As [`Slot::claim`].
    pub(super) fn append<'g, E: Entry>(
        &self,
        seen: LinkWord<'g, B>,
        bucket: &'g B,
        slot: &Slot<E>,
        entry: Owned<E>,
        tag: Tag,
    ) -> Result<(Word<'g, E>, Shared<'g, E>), Owned<E>> {
        let word = Word::tentative(&entry, tag);
        // Relaxed: the bucket is still private; the exchange publishes it.
        slot.0.store(word.raw, Ordering::Relaxed);
        let raw = ptr::from_ref(bucket).cast_mut();
        // SeqCst: this is a claim, see `Slot::claim`; release publishes the
        // bucket. Relaxed on failure: the caller starts over.
        let swapped = self.0.compare_exchange(seen.raw, raw, Ordering::SeqCst, Ordering::Relaxed);
        if swapped.is_err() {
            // Relaxed: the bucket never was shared, and never will be.
            slot.0.store(ptr::null_mut(), Ordering::Relaxed);
            return Err(entry);
        }
        order_write_before_reads();
        // SAFETY: I1: published just now, under the guard of `seen`.
        Ok((word, unsafe { Shared::new(entry.into_raw()) }))
    }

    /// Any state to its frozen form, for good. Returns the next bucket.
    pub(super) fn freeze<'g>(&self, guard: &'g Guard) -> Option<&'g B> {
        let mut seen = self.load(guard);
        while !seen.is_frozen() {
            let frozen = seen.raw.map_addr(|address| address | FROZEN);
            // Release, so that whoever reads FROZEN sees the successor. Acquire on failure, as
            // in `load`, so that the next bucket can be entered; on success the word is the one
            // that was read so before, because a link never returns to a former value.
            let swapped = self.0.compare_exchange_weak(
                seen.raw,
                frozen,
                Ordering::Release,
                Ordering::Acquire,
            );
            seen.raw = swapped.map_or_else(|now| now, |_| frozen);
        }
        seen.next()
    }

    /// Unused to ready: the last step of filling a bucket of a successor. Returns
    /// whether this call did it.
    pub(super) fn publish(&self, overflow: Option<&B>) -> bool {
        let raw = match overflow {
            Some(bucket) => ptr::from_ref(bucket).cast_mut(),
            None => ptr::without_provenance_mut(MARK),
        };
        // Release pairs with `unready` and `load`: who sees the link sees the bucket filled.
        // No acquire on success: null was never written. Acquire on failure: a helper that
        // comes second has the winner's words before it reports the chunk as done.
        self.0.compare_exchange(ptr::null_mut(), raw, Ordering::Release, Ordering::Acquire).is_ok()
    }

    /// As [`publish`](Self::publish), in a bucket that only the caller can reach.
    pub(super) fn publish_private(&self, overflow: Option<&B>) {
        let raw = overflow.map_or(ptr::null_mut(), |bucket| ptr::from_ref(bucket).cast_mut());
        // Relaxed: published with the bucket.
        self.0.store(raw, Ordering::Relaxed);
    }
}
