//! The outer form of a dump: a header, chunks of bytes with checksums, and an end.
//!
//! Every checksum is that of all bytes before it, other checksums aside: a chunk that is
//! missing, doubled or in the wrong place is found at once. The reader hands out nothing that it
//! has not checked, and never holds more than one chunk, whatever lengths it is told.

use super::error::{LoadError, LoadErrorKind};
use super::tags::{BYTE_KEYS, MAGIC, TEXT_KEYS, VERSION};
use core::mem;
use crc32fast::Hasher;
use std::io::{self, Read, Write};

/// Bytes of a chunk at most.
const CHUNK: usize = 1 << 16;

const HEADER: usize = 20;

/// What the header says beside the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) text_keys: bool,
    /// When the dump was begun, in milliseconds of the Unix epoch; for people.
    pub(super) created: u64,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let keys = if self.text_keys { TEXT_KEYS } else { BYTE_KEYS };
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        // The byte behind is kept for later, and zero.
        bytes[10] = keys;
        bytes[12..].copy_from_slice(&self.created.to_le_bytes());
        bytes
    }

    /// None if its fields are not as this version writes them.
    fn from_bytes(bytes: &[u8; HEADER]) -> Option<Self> {
        let created = u64::from_le_bytes(*bytes[12..].first_chunk()?);
        let header = Self { text_keys: bytes[10] == TEXT_KEYS, created };
        (header.to_bytes() == *bytes).then_some(header)
    }
}

/// Writes chunks.
pub(super) struct FrameWriter<W> {
    writer: W,
    hasher: Hasher,
    chunk: Vec<u8>,
    written: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(writer: W, header: Header) -> io::Result<Self> {
        let (hasher, chunk) = (Hasher::new(), Vec::with_capacity(CHUNK));
        let mut this = Self { writer, hasher, chunk, written: 0 };
        this.write(&header.to_bytes())?;
        this.write_checksum()?;
        Ok(this)
    }

    /// Bytes that have been written, up to the last whole chunk.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Adds bytes.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK {
                self.end_chunk()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes what is left, and the end.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        if !self.chunk.is_empty() {
            self.end_chunk()?;
        }
        self.end_chunk()?;
        self.writer.flush()?;
        Ok(self.written)
    }

    /// Writes the chunk; an empty one is the end of the dump.
    fn end_chunk(&mut self) -> io::Result<()> {
        let mut chunk = mem::take(&mut self.chunk);
        self.write(&(chunk.len() as u32).to_le_bytes())?;
        self.write(&chunk)?;
        self.write_checksum()?;
        chunk.clear();
        self.chunk = chunk;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.write_all(bytes)
    }

    fn write_checksum(&mut self) -> io::Result<()> {
        let checksum = self.hasher.clone().finalize();
        self.write_all(&checksum.to_le_bytes())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Reads chunks.
pub(super) struct FrameReader<R> {
    reader: R,
    hasher: Hasher,
    chunk: Vec<u8>,
    /// Where in the chunk the next byte stands.
    next: usize,
    /// Bytes that have been checked.
    checked: u64,
    /// Bytes that have been read since.
    read: u64,
    has_ended: bool,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(reader: R) -> Result<(Self, Header), LoadError> {
        let (hasher, chunk) = (Hasher::new(), Vec::with_capacity(CHUNK));
        let mut this =
            Self { reader, hasher, chunk, next: 0, checked: 0, read: 0, has_ended: false };
        let mut bytes = [0; HEADER];
        let (magic, rest) = bytes.split_at_mut(MAGIC.len());
        let len = this.read_up_to(magic)?;
        if magic[..len] != MAGIC[..len] {
            return Err(this.error(LoadErrorKind::NotADump));
        }
        if len < MAGIC.len() {
            return Err(this.error(LoadErrorKind::Truncated));
        }
        let (version, rest) = rest.split_at_mut(size_of::<u16>());
        this.read(version)?;
        if version != VERSION.to_le_bytes() {
            return Err(this.error(LoadErrorKind::UnsupportedVersion));
        }
        this.read(rest)?;
        this.hasher.update(&bytes);
        this.check()?;
        let header = Header::from_bytes(&bytes);
        let header = header.ok_or_else(|| this.error(LoadErrorKind::Damaged))?;
        Ok((this, header))
    }

    /// Bytes that have been checked.
    pub(super) fn checked(&self) -> u64 {
        self.checked
    }

    pub(super) fn error(&self, kind: LoadErrorKind) -> LoadError {
        LoadError::new(kind, self.checked)
    }

    /// Whether there is no other byte, and the dump ends as it should.
    pub(super) fn is_at_end(&mut self) -> Result<bool, LoadError> {
        if self.next == self.chunk.len() && !self.has_ended {
            self.read_chunk()?;
        }
        Ok(self.has_ended)
    }

    /// Appends `len` bytes to a buffer; no faster than they come.
    pub(super) fn append(&mut self, len: u64, buffer: &mut Vec<u8>) -> Result<(), LoadError> {
        let mut left = len;
        while left > 0 {
            if self.is_at_end()? {
                return Err(self.error(LoadErrorKind::Damaged));
            }
            let here = &self.chunk[self.next..];
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(here.len());
            buffer.extend_from_slice(&here[..now]);
            self.next += now;
            left -= now as u64;
        }
        Ok(())
    }

    /// The next few bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            if self.is_at_end()? {
                return Err(self.error(LoadErrorKind::Damaged));
            }
            *byte = self.chunk[self.next];
            self.next += 1;
        }
        Ok(bytes)
    }

    /// Refuses what stands behind the end.
    pub(super) fn expect_nothing_more(mut self) -> Result<(), LoadError> {
        match self.read_up_to(&mut [0])? {
            0 => Ok(()),
            _ => Err(self.error(LoadErrorKind::Damaged)),
        }
    }

    fn read_chunk(&mut self) -> Result<(), LoadError> {
        let mut len = [0; 4];
        self.read(&mut len)?;
        self.hasher.update(&len);
        let len = u32::from_le_bytes(len) as usize;
        if len > CHUNK {
            return Err(self.error(LoadErrorKind::Damaged));
        }
        let mut chunk = mem::take(&mut self.chunk);
        chunk.resize(len, 0);
        self.read(&mut chunk)?;
        self.hasher.update(&chunk);
        self.check()?;
        (self.chunk, self.next, self.has_ended) = (chunk, 0, len == 0);
        Ok(())
    }

    /// Reads a checksum and compares it.
    fn check(&mut self) -> Result<(), LoadError> {
        let mut checksum = [0; 4];
        self.read(&mut checksum)?;
        if u32::from_le_bytes(checksum) != self.hasher.clone().finalize() {
            return Err(self.error(LoadErrorKind::Damaged));
        }
        self.checked += mem::take(&mut self.read);
        Ok(())
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), LoadError> {
        let position = self.checked;
        self.reader.read_exact(bytes).map_err(|error| LoadError::reading(error, position))?;
        self.read += bytes.len() as u64;
        Ok(())
    }

    /// Reads as much as there is; returns how much.
    fn read_up_to(&mut self, bytes: &mut [u8]) -> Result<usize, LoadError> {
        let mut len = 0;
        while len < bytes.len() {
            match self.reader.read(&mut bytes[len..]) {
                Ok(0) => break,
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LoadError::reading(error, self.checked)),
            }
        }
        self.read += len as u64;
        Ok(len)
    }
}
