//! Insertion into reused slots: claim, look again, commit (I3).

use super::bucket::{Bucket, any};
use super::entry::{Entry, same_key};
use super::tag::Tag;
use super::word::{Link, LinkWord, Outcome, Slot, Word};
use crate::reclaim::{Guard, Owned, Shared};
use crate::sync::order_write_before_reads;
use core::mem::ManuallyDrop;
use core::ptr;

/// The right to decide about a tentative entry. Dropping it, as when a panic
/// passes, withdraws the entry.
#[must_use]
pub(super) struct Claim<'g, E: Entry> {
    slot: &'g Slot<E>,
    word: Word<'g, E>,
    entry: Shared<'g, E>,
    guard: &'g Guard,
}

impl<'g, E: Entry> Claim<'g, E> {
    /// Claims a free slot; on failure the entry comes back unseen.
    pub(super) fn new(
        slot: &'g Slot<E>,
        seen: Word<'g, E>,
        entry: Owned<E>,
        tag: Tag,
        guard: &'g Guard,
    ) -> Result<Self, Owned<E>> {
        let (word, entry) = slot.claim(seen, entry, tag)?;
        Ok(Self { slot, word, entry, guard })
    }

    /// Claims a slot of a fresh overflow bucket by appending it to a chain.
    pub(super) fn append(
        link: &Link<Bucket<E>>,
        seen: LinkWord<'g, Bucket<E>>,
        fresh: &'g Bucket<E>,
        entry: Owned<E>,
        tag: Tag,
        guard: &'g Guard,
    ) -> Result<Self, Owned<E>> {
        let slot = &fresh.slots()[0];
        let (word, entry) = link.append(seen, fresh, slot, entry, tag)?;
        Ok(Self { slot, word, entry, guard })
    }

    /// Tentative to live: the linearization point of an insertion.
    pub(super) fn commit(self) -> Outcome<'g, E> {
        ManuallyDrop::new(self).decide(true)
    }

    /// Tentative to empty, unless a helper was faster.
    pub(super) fn withdraw(self) -> Outcome<'g, E> {
        ManuallyDrop::new(self).decide(false)
    }

    fn decide(&self, commit: bool) -> Outcome<'g, E> {
        self.slot.decide(self.word, self.entry, commit, self.guard)
    }
}

impl<E: Entry> Drop for Claim<'_, E> {
    fn drop(&mut self) {
        drop(self.decide(false));
    }
}

/// What an insertion finds besides itself.
enum Rival<'g, E> {
    None,
    Live,
    /// A tentative entry of the same key with the better right.
    Before(&'g Slot<E>, Word<'g, E>),
    Frozen,
}

impl<E: Entry> Bucket<E> {
    /// Decides what becomes of a claim in this chain, after helping the claim
    /// that has the better right, if there is one (I3). Lock-free: the lowest
    /// claim of a key is stopped only by a live entry or by a migration.
    #[inline(always)]
    pub(super) fn settle<'g>(&'g self, claim: Claim<'g, E>, guard: &'g Guard) -> Outcome<'g, E> {
        match self.rival(claim.entry, claim.word.tag(), claim.slot, guard) {
            Rival::None => claim.commit(),
            Rival::Live | Rival::Frozen => claim.withdraw(),
            Rival::Before(slot, word) => {
                let outcome = claim.withdraw();
                self.help(slot, word, guard);
                outcome
            }
        }
    }

    /// Finishes, or refuses, the tentative insertion of another thread.
    #[cold]
    fn help<'g>(&'g self, mut slot: &'g Slot<E>, mut word: Word<'g, E>, guard: &'g Guard) {
        // Each round goes to a lower position of the chain.
        loop {
            if slot.load_rival(guard) != word {
                return;
            }
            order_write_before_reads();
            let Some(entry) = word.entry() else { return };
            match self.rival(entry, word.tag(), slot, guard) {
                Rival::None => return slot.commit_for(word),
                Rival::Live => {
                    slot.kick(word);
                    return;
                }
                Rival::Before(lower, its_word) => (slot, word) = (lower, its_word),
                Rival::Frozen => return,
            }
        }
    }

    /// Looks over the whole chain, in order, for other words with the key of
    /// `entry`, which is tentative in `own`; kicks tentative ones behind it.
    #[inline(always)]
    fn rival<'g>(
        &'g self,
        entry: Shared<'g, E>,
        tag: Tag,
        own: &'g Slot<E>,
        guard: &'g Guard,
    ) -> Rival<'g, E> {
        let mut passed_own = false;
        let mut bucket = self;
        loop {
            // One look at each slot and no branch on any, because which are taken cannot be
            // predicted. Nearly always the own word is the only one with its tag. Words without an
            // entry may be alike too: then `meet` looks in vain. If the own word is gone, another
            // one may be counted in its place, and rivals are passed over: the claim never comes
            // back (I2), so each exchange that would decide about it fails, whatever is found.
            let words = bucket.slots().each_ref().map(|slot| slot.load_rival(guard));
            let has_own = bucket.has(own);
            let alike: u32 = words.iter().map(|word| u32::from(word.is_alike(tag))).sum();
            if any(&words, |word| word.is_frozen()) {
                return Rival::Frozen;
            }
            if u32::from(has_own) != alike {
                if let Some(rival) = bucket.meet(entry, tag, own, passed_own, guard) {
                    return rival;
                }
            }
            passed_own |= has_own;
            let link = bucket.link().load_rival(guard);
            if link.is_frozen() {
                return Rival::Frozen;
            }
            match link.next() {
                Some(next) => bucket = next,
                None => return Rival::None,
            }
        }
    }

    /// As [`rival`](Self::rival), in this bucket alone.
    #[cold]
    #[inline(never)]
    fn meet<'g>(
        &'g self,
        entry: Shared<'g, E>,
        tag: Tag,
        own: &'g Slot<E>,
        mut passed_own: bool,
        guard: &'g Guard,
    ) -> Option<Rival<'g, E>> {
        for slot in self.slots() {
            if ptr::eq(slot, own) {
                passed_own = true;
                continue;
            }
            loop {
                let word = slot.load_rival(guard);
                if word.is_frozen() {
                    return Some(Rival::Frozen);
                }
                let is_rival =
                    word.is_alike(tag) && word.entry().is_some_and(|other| same_key(other, entry));
                if !is_rival {
                    break;
                }
                if word.is_live() {
                    return Some(Rival::Live);
                }
                if !passed_own {
                    return Some(Rival::Before(slot, word));
                }
                if slot.kick(word) {
                    break;
                }
            }
        }
        None
    }
}
