//! Restoring a store.

use super::Kv;
use super::access::Hashed;
use crate::dump::LoadError;
use crate::dump::decode::{Decoder, Entry};
use crate::key::Key;
use crate::reclaim::{self, Owned};
use crate::record::{Content, Handle, Record};
use crate::time::calendar::Instants;
use crate::time::clock::Clock;
use core::hash::BuildHasher;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Entries that are stored under one pin.
const BATCH: usize = 64;

/// Entries after which progress is shown.
const SHOW_EVERY: u64 = 1024;

/// What [`Kv::load`] has done, in the end or so far.
///
/// ```
/// use epochkv::{Kv, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
/// kv.set("a", 1)?;
/// kv.set_ex("b", 2, 60)?;
/// let mut dump = Vec::new();
/// kv.dump(&mut dump)?;
/// clock.advance(Duration::from_secs(60));
/// let loaded = kv.load(&dump[..])?;
/// assert_eq!((loaded.read, loaded.expired, loaded.stored), (2, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// Bytes that were read and checked.
    pub bytes: u64,
    /// Entries in them.
    pub read: u64,
    /// Those of them that had expired, and were skipped.
    pub expired: u64,
    /// Entries that are in the store. None before everything has been read.
    pub stored: u64,
}

/// The entries of a dump, ready for the store.
type Records<K> = Vec<Owned<Record<K>>>;

#[cfg_attr(docsrs, doc(cfg(feature = "dump")))]
impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Puts everything that a [`dump`](Self::dump) holds into this store: over what is there
    /// under the same keys, and beside the rest; [`clear`](Self::clear) comes first
    /// where nothing else should stay. Deadlines are those of the calendar, less than two
    /// milliseconds late; what has expired since is skipped. A store with keys of bytes loads
    /// dumps of both kinds.
    ///
    /// Everything is read and checked before the first entry is stored, as the entries that will
    /// be the store's own: the call takes no memory beyond them but a pointer or two each
    /// and a buffer of 64 KiB. Of a hostile file it takes at most a few dozen times its length. Reads
    /// 64 KiB at once, so the reader need not be buffered, and nothing behind the end of the
    /// dump.
    ///
    /// Runs beside readers and writers and stops nobody: each key is written atomically, as
    /// by [`set_ex`](Self::set_ex), all together are not.
    ///
    /// # Errors
    ///
    /// Those of the reader, and whatever is no dump, is damaged, ends too early, is of a newer
    /// version, or has keys of bytes where they should be text. The store is unchanged then.
    ///
    /// ```
    /// use epochkv::{Kv, LoadErrorKind};
    ///
    /// let kv = Kv::new();
    /// kv.set("visits", 41)?;
    /// let mut dump = Vec::new();
    /// kv.dump(&mut dump)?;
    ///
    /// let restarted = Kv::new();
    /// assert_eq!(restarted.load(&dump[..])?.stored, 1);
    /// assert_eq!(restarted.incr("visits")?, 42);
    ///
    /// dump[30] ^= 1;
    /// let error = restarted.load(&dump[..]).unwrap_err();
    /// assert_eq!(error.kind(), LoadErrorKind::Damaged);
    /// assert_eq!(restarted.get("visits").unwrap(), 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self, reader: impl Read) -> Result<Loaded, LoadError> {
        self.load_with(reader, |_| ())
    }

    /// As [`load`](Self::load), and calls `progress` about every thousand entries, first while
    /// they are read, then while they are stored, and at the end of each. It runs outside of any operation and
    /// may call the store.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// (0..5_000).try_for_each(|n| kv.set(&format!("key:{n}"), n))?;
    /// let mut dump = Vec::new();
    /// kv.dump(&mut dump)?;
    ///
    /// let mut calls = Vec::new();
    /// Kv::new().load_with(&dump[..], |so_far| calls.push(*so_far))?;
    /// assert_eq!((calls[0].read, calls[0].stored), (1024, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_with(
        &self,
        reader: impl Read,
        mut progress: impl FnMut(&Loaded),
    ) -> Result<Loaded, LoadError> {
        let mut loaded = Loaded::default();
        let (records, _) = self.read_dump(reader, &mut loaded, &mut progress)?;
        self.store(records, &mut loaded, &mut progress);
        Ok(loaded)
    }

    /// As [`load`](Self::load), from a file, which must end where the dump does.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and those of the file system.
    ///
    /// ```
    /// use epochkv::{Kv, LoadErrorKind};
    ///
    /// let kv = Kv::new();
    /// match kv.load_file("/no/such/folder/sessions.dump") {
    ///     Ok(loaded) => println!("{} sessions", loaded.stored),
    ///     Err(error) if error.kind() == LoadErrorKind::Io => println!("a cold start: {error}"),
    ///     Err(error) => panic!("{error}"),
    /// }
    /// ```
    pub fn load_file(&self, path: impl AsRef<Path>) -> Result<Loaded, LoadError> {
        self.load_file_with(path, |_| ())
    }

    /// As [`load_file`](Self::load_file), with `progress` as in [`load_with`](Self::load_with).
    ///
    /// # Errors
    ///
    /// As [`load_file`](Self::load_file).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// # let path = std::env::temp_dir().join(format!("epochkv-doc-{}.load", std::process::id()));
    /// # Kv::new().dump_file(&path)?;
    /// Kv::new().load_file_with(&path, |so_far| eprintln!("{} entries", so_far.stored))?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_file_with(
        &self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(&Loaded),
    ) -> Result<Loaded, LoadError> {
        let file = File::open(path)?;
        let mut loaded = Loaded::default();
        let (records, decoder) = self.read_dump(file, &mut loaded, &mut progress)?;
        decoder.expect_nothing_more()?;
        self.store(records, &mut loaded, &mut progress);
        Ok(loaded)
    }

    /// Reads everything and changes nothing.
    fn read_dump<R: Read>(
        &self,
        reader: R,
        loaded: &mut Loaded,
        progress: &mut dyn FnMut(&Loaded),
    ) -> Result<(Records<K>, Decoder<R>), LoadError> {
        let mut decoder = Decoder::new(reader)?;
        if K::IS_TEXT {
            decoder.expect_text_keys()?;
        }
        let now = Instants::now(&self.inner.clock);
        let mut records = Vec::new();
        while let Some(Entry { key, deadline, value }) = decoder.entry()? {
            let deadline = now.to_deadline(deadline);
            let key = K::parse(key).map(|key| self.hashed_for_write(key));
            let record = match (key, deadline) {
                (Some(Ok(key)), Some(deadline)) => Some(key.record(deadline, Content::of(&value))),
                (Some(Ok(_)), None) => None,
                // Longer than any key, or not of this kind.
                _ => return Err(decoder.damaged()),
            };
            loaded.read += 1;
            match record {
                Some(record) => records.push(record),
                None => loaded.expired += 1,
            }
            if loaded.read % SHOW_EVERY == 0 {
                loaded.bytes = decoder.checked();
                progress(loaded);
            }
        }
        loaded.bytes = decoder.checked();
        progress(loaded);
        Ok((records, decoder))
    }

    /// Stores what was read.
    fn store(&self, records: Records<K>, loaded: &mut Loaded, progress: &mut dyn FnMut(&Loaded)) {
        let mut records = records.into_iter();
        while records.len() > 0 {
            for record in records.as_slice().iter().take(BATCH) {
                self.table().prefetch_bucket(record.share().hash());
            }
            let guard = reclaim::pin();
            for record in records.by_ref().take(BATCH) {
                // Another reference, which keeps the key where it is.
                let held = Handle::new(record.share());
                let hash = held.share().hash();
                self.put(&Hashed { key: held.share().key(), hash }, record, &guard);
                loaded.stored += 1;
            }
            drop(guard);
            if loaded.stored % SHOW_EVERY == 0 || records.len() == 0 {
                progress(loaded);
            }
        }
    }
}
