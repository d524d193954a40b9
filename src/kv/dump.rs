//! Saving a store.

use super::Kv;
use super::scan::Cursor;
use super::walk::PAGE;
use crate::dump::encode::Encoder;
use crate::dump::file;
use crate::glob::Pattern;
use crate::key::Key;
use crate::time::calendar::Instants;
use crate::time::clock::Clock;
use core::hash::BuildHasher;
use std::io::{self, Write};
use std::path::Path;

/// What [`Kv::dump`] has written, in the end or so far.
///
/// ```
/// let dumped = epochkv::Kv::new().dump(std::io::sink())?;
/// assert_eq!((dumped.entries, dumped.bytes), (0, 32));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dumped {
    /// Entries.
    pub entries: u64,
    /// Bytes; while the dump is being made, without those of the chunk of 64 KiB that is
    /// under way.
    pub bytes: u64,
}

#[cfg_attr(docsrs, doc(cfg(feature = "dump")))]
impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Writes the whole store: keys, values to the bit, and deadlines by the calendar, so
    /// that [`load`](Self::load) in another process leaves every key its time.
    /// `docs/DUMP.md` has the format, which is versioned and protected by checksums.
    ///
    /// Runs beside writers and stops nobody. Each entry is written as it is at one instant, value
    /// and deadline together; all together are not one instant: a key that is there during the
    /// whole call is written exactly once, with a value that it had meanwhile; one that comes or
    /// goes is written or not. O(n); holds some hundred entries at a time and a buffer of 64 KiB,
    /// and writes that much at once: the writer need not be buffered.
    ///
    /// # Errors
    ///
    /// Those of the writer; what was written so far is no dump then, and is recognized as such.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("name", "Ann")?;
    /// kv.set_ex("session", 7, 60)?;
    /// let mut bytes = Vec::new();
    /// let dumped = kv.dump(&mut bytes)?;
    /// assert_eq!((dumped.entries, dumped.bytes), (2, bytes.len() as u64));
    ///
    /// let restarted = Kv::new();
    /// restarted.load(&bytes[..])?;
    /// assert_eq!(restarted.get("name").unwrap(), "Ann");
    /// assert!(restarted.ttl("session") > 50);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self, writer: impl Write) -> io::Result<Dumped> {
        self.dump_with(writer, |_| ())
    }

    /// As [`dump`](Self::dump), and calls `progress` every few hundred entries. It runs outside
    /// of any operation and may call the store. [`len`](Self::len) tells how many
    /// entries there are about to be.
    ///
    /// # Errors
    ///
    /// As [`dump`](Self::dump).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// (0..10_000).try_for_each(|n| kv.set(&format!("key:{n}"), n))?;
    /// let (of, mut shown) = (kv.len() as u64, 0);
    /// kv.dump_with(std::io::sink(), |so_far| shown = 100 * so_far.entries / of)?;
    /// assert_eq!(shown, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump_with(
        &self,
        writer: impl Write,
        mut progress: impl FnMut(&Dumped),
    ) -> io::Result<Dumped> {
        let now = Instants::now(&self.inner.clock);
        let mut encoder = Encoder::new(writer, K::IS_TEXT, now.unix_ms())?;
        let mut entries = 0;
        let mut cursor = Some(Cursor::START);
        while let Some(at) = cursor {
            let (next, page) = self.scan_page(at, &Pattern::everything(), PAGE);
            for item in &page {
                let deadline = now.to_calendar(item.deadline());
                encoder.entry(item.key().key_bytes(), deadline, item.value())?;
            }
            entries += page.len() as u64;
            progress(&Dumped { entries, bytes: encoder.written() });
            cursor = (!next.is_start()).then_some(next);
        }
        Ok(Dumped { entries, bytes: encoder.finish()? })
    }

    /// As [`dump`](Self::dump), into a file that is replaced in one step: the dump is written
    /// beside it, flushed to the disk, and renamed. A crash at any time, also one of
    /// the machine, leaves the old file or the new one, whole.
    ///
    /// The new file has the permissions of the old one. A symbolic link is replaced, not
    /// followed. A crash may leave a hidden file `.NAME.PROCESS-NUMBER.tmp` in the folder,
    /// which nobody reads.
    ///
    /// # Errors
    ///
    /// Those of the file system; the old file is as it was then, unless only the flush of
    /// the folder failed, after the rename.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let path = std::env::temp_dir().join(format!("epochkv-doc-{}.dump", std::process::id()));
    /// let kv = Kv::new();
    /// kv.set("name", "Ann")?;
    /// kv.dump_file(&path)?;
    ///
    /// let restarted = Kv::new();
    /// restarted.load_file(&path)?;
    /// assert_eq!(restarted.get("name").unwrap(), "Ann");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump_file(&self, path: impl AsRef<Path>) -> io::Result<Dumped> {
        self.dump_file_with(path, |_| ())
    }

    /// As [`dump_file`](Self::dump_file), with `progress` as in [`dump_with`](Self::dump_with).
    ///
    /// # Errors
    ///
    /// As [`dump_file`](Self::dump_file).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// # let path = std::env::temp_dir().join(format!("epochkv-doc-{}.progress", std::process::id()));
    /// Kv::new().dump_file_with(&path, |so_far| eprintln!("{} entries", so_far.entries))?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump_file_with(
        &self,
        path: impl AsRef<Path>,
        progress: impl FnMut(&Dumped),
    ) -> io::Result<Dumped> {
        file::replace(path.as_ref(), |file| self.dump_with(file, progress))
    }
}
