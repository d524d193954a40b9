//! Entries into bytes.

use super::frame::{FrameWriter, Header};
use super::tags;
use crate::value::{DictIter, Value, ValueRef};
use core::slice;
use std::io::{self, Write};

/// Writes the entries of a dump.
pub(crate) struct Encoder<W>(FrameWriter<W>);

/// What is left of a container.
enum Level<'a> {
    List(slice::Iter<'a, Value>),
    Dict(DictIter<'a>),
}

impl<W: Write> Encoder<W> {
    /// Begins a dump of a store with such keys, at this time by the calendar.
    pub(crate) fn new(writer: W, text_keys: bool, created: u64) -> io::Result<Self> {
        FrameWriter::new(writer, Header { text_keys, created }).map(Self)
    }

    /// Bytes that have been written so far.
    pub(crate) fn written(&self) -> u64 {
        self.0.written()
    }

    /// Writes an entry, with its deadline by the calendar if it has one.
    pub(crate) fn entry(
        &mut self,
        key: &[u8],
        deadline: Option<u64>,
        value: ValueRef<'_>,
    ) -> io::Result<()> {
        let tag = if deadline.is_some() { tags::EXPIRING } else { tags::LASTING };
        self.0.put(&[tag])?;
        self.run(key)?;
        if let Some(deadline) = deadline {
            self.0.put(&deadline.to_le_bytes())?;
        }
        self.value(value)
    }

    /// Ends the dump. Returns its length.
    pub(crate) fn finish(self) -> io::Result<u64> {
        self.0.finish()
    }

    fn value(&mut self, value: ValueRef<'_>) -> io::Result<()> {
        let mut open: Vec<Level<'_>> = Vec::new();
        let mut current = value;
        loop {
            self.head(current)?;
            match current {
                ValueRef::List(list) => open.push(Level::List(list.iter())),
                ValueRef::Dict(dict) => open.push(Level::Dict(dict.iter())),
                _ => {}
            }
            // Close what is complete, up to the container that has an item left.
            current = loop {
                let item = match open.last_mut() {
                    None => return Ok(()),
                    Some(Level::List(items)) => items.next(),
                    Some(Level::Dict(entries)) => match entries.next() {
                        Some((key, item)) => {
                            self.run(key.as_bytes())?;
                            Some(item)
                        }
                        None => None,
                    },
                };
                if let Some(item) = item {
                    break item.as_ref();
                }
                open.pop();
            };
        }
    }

    /// A whole scalar, or what stands before the items of a container.
    fn head(&mut self, value: ValueRef<'_>) -> io::Result<()> {
        match value {
            ValueRef::Null => self.0.put(&[tags::NULL]),
            ValueRef::Bool(false) => self.0.put(&[tags::FALSE]),
            ValueRef::Bool(true) => self.0.put(&[tags::TRUE]),
            ValueRef::Int(it) => self.tagged(tags::INT, &it.to_le_bytes()),
            ValueRef::Float(it) => self.tagged(tags::FLOAT, &it.to_bits().to_le_bytes()),
            ValueRef::Str(it) => {
                self.0.put(&[tags::STR])?;
                self.run(it.as_bytes())
            }
            ValueRef::Bytes(it) => {
                self.0.put(&[tags::BYTES])?;
                self.run(it)
            }
            ValueRef::List(it) => {
                self.0.put(&[tags::LIST])?;
                self.length(it.len())
            }
            ValueRef::Dict(it) => {
                self.0.put(&[tags::DICT])?;
                self.length(it.len())
            }
        }
    }

    fn tagged(&mut self, tag: u8, content: &[u8]) -> io::Result<()> {
        self.0.put(&[tag])?;
        self.0.put(content)
    }

    /// Bytes behind their length.
    fn run(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length(bytes.len())?;
        self.0.put(bytes)
    }

    /// A length: seven bits a byte, lowest first.
    fn length(&mut self, len: usize) -> io::Result<()> {
        let mut left = len as u64;
        while left >> tags::LENGTH_BITS > 0 {
            self.0.put(&[left as u8 | 1 << tags::LENGTH_BITS])?;
            left >>= tags::LENGTH_BITS;
        }
        self.0.put(&[left as u8])
    }
}
