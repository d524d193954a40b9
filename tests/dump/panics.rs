//! Writers, readers and callbacks that panic in the middle: the store stays as it is.

use super::{dump_of, store};
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Lets so many calls pass, then panics.
struct Until<'b>(usize, &'b [u8]);

impl Until<'_> {
    fn step(&mut self) {
        if self.0 == 0 {
            // Without a word on the standard error stream.
            resume_unwind(Box::new("planned"));
        }
        self.0 -= 1;
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.step();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.step();
        Ok(())
    }
}

impl Read for Until<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step();
        // In small pieces, so that it comes in the middle.
        let room = into.len().min(PIECE);
        self.1.read(&mut into[..room])
    }
}

const PIECE: usize = 1000;

fn panics(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

#[test]
fn a_panic_in_a_writer_reader_or_callback_changes_nothing() {
    let kv = store();
    // More than one buffer.
    (0..300).for_each(|n| kv.set_ex(&n.to_string(), "x".repeat(1000), 9).unwrap());
    let dump = dump_of(&kv);
    let mut writes = 0;
    while panics(|| _ = kv.dump(Until(writes, &[])).unwrap()) {
        assert_eq!((kv.len(), kv.live_len(), kv.ttl("7")), (300, 300, 9));
        writes += 1;
        assert!(writes < 10_000, "a dump without an end");
    }
    assert!(writes > 4, "{writes} writes");
    let mut calls = 0;
    let mut show = |_: &_| Until(calls, &[]).step();
    assert!(panics(|| _ = kv.dump_with(io::sink(), &mut show)));
    calls = 1;
    let mut show = |_: &_| Until(calls, &[]).step();
    assert!(!panics(|| _ = kv.dump_with(io::sink(), &mut show)));
    assert_eq!(dump_of(&kv).len(), dump.len());
    let reads = dump.len().div_ceil(PIECE);
    for reads in [0, 1, 2, reads / 2, reads - 1] {
        let other = store();
        other.set("before", 1).unwrap();
        assert!(panics(|| _ = other.load(Until(reads, &dump))), "{reads}");
        assert_eq!((other.keys("*"), other.len()), (vec!["before".to_owned()], 1));
        // And it can be loaded, and written, after that.
        assert_eq!(other.load(&dump[..]).unwrap().stored, 300);
        assert_eq!((other.incr("before"), other.len(), other.live_len()), (Ok(2), 301, 301));
    }
}

/// Panics when it is dropped.
struct Dropped<T>(T);

impl<T: Read> Read for Dropped<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<T: Write> Write for Dropped<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<T> Drop for Dropped<T> {
    fn drop(&mut self) {
        Until(0, &[]).step();
    }
}

#[test]
fn a_panic_in_the_drop_of_a_writer_or_reader_changes_nothing() {
    let kv = store();
    (0..300).for_each(|n| kv.set_ex(&n.to_string(), n, 9).unwrap());
    let mut written = Vec::new();
    assert!(panics(|| _ = kv.dump(Dropped(&mut written))));
    assert_eq!((written.len(), kv.live_len()), (dump_of(&kv).len(), 300));
    let other = store();
    other.set("before", 1).unwrap();
    // It goes when all is read, before anything is stored.
    assert!(panics(|| _ = other.load(Dropped(&written[..]))));
    assert_eq!((other.keys("*"), other.len()), (vec!["before".to_owned()], 1));
    assert_eq!(other.load(&written[..]).unwrap().stored, 300);
}
