//! Bytes into entries. Whatever the bytes are: nothing here panics, recurses, or takes more
//! memory than a small multiple of them.

use super::error::{LoadError, LoadErrorKind};
use super::frame::FrameReader;
use super::tags;
use crate::value::{Input, Value};
use core::str;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// Items for which room is made before they are there: a count may be a lie.
const MAX_RESERVED: u64 = 1 << 12;

/// Reads the entries of a dump.
pub(crate) struct Decoder<R> {
    frames: FrameReader<R>,
    key: Vec<u8>,
    text: Vec<u8>,
    text_keys: bool,
}

/// An entry as it stands in a dump.
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a [u8],
    /// By the calendar, if it has one.
    pub(crate) deadline: Option<u64>,
    pub(crate) value: Input<'a>,
}

/// A container whose items are being read.
enum Level {
    List { left: u64, items: Vec<Value> },
    Dict { left: u64, items: BTreeMap<Arc<str>, Value>, key: Option<Arc<str>> },
}

/// A value, or a container that has to be filled.
enum Head {
    Whole(Value),
    Open(Level),
}

impl<R: Read> Decoder<R> {
    /// Begins to read a dump.
    pub(crate) fn new(reader: R) -> Result<Self, LoadError> {
        let (frames, header) = FrameReader::new(reader)?;
        let text_keys = header.text_keys;
        Ok(Self { frames, key: Vec::new(), text: Vec::new(), text_keys })
    }

    /// Refuses keys of bytes.
    pub(crate) fn expect_text_keys(&self) -> Result<(), LoadError> {
        match self.text_keys {
            true => Ok(()),
            false => Err(self.frames.error(LoadErrorKind::WrongKeys)),
        }
    }

    /// Bytes that have been read so far.
    pub(crate) fn checked(&self) -> u64 {
        self.frames.checked()
    }

    /// Refuses what stands behind the end.
    pub(crate) fn expect_nothing_more(self) -> Result<(), LoadError> {
        self.frames.expect_nothing_more()
    }

    /// What to say of an entry that cannot be in a dump.
    pub(crate) fn damaged(&self) -> LoadError {
        self.frames.error(LoadErrorKind::Damaged)
    }

    /// The next entry; none at the end.
    pub(crate) fn entry(&mut self) -> Result<Option<Entry<'_>>, LoadError> {
        if self.frames.is_at_end()? {
            return Ok(None);
        }
        let is_expiring = match self.byte()? {
            tags::LASTING => false,
            tags::EXPIRING => true,
            _ => return Err(self.damaged()),
        };
        let len = self.length()?;
        self.key.clear();
        self.frames.append(len, &mut self.key)?;
        if self.text_keys && str::from_utf8(&self.key).is_err() {
            return Err(self.damaged());
        }
        let deadline = match is_expiring {
            true => Some(u64::from_le_bytes(self.frames.array()?)),
            false => None,
        };
        let tag = self.byte()?;
        // Text at the top goes straight into the entry that it is for.
        let value = match tag {
            tags::STR | tags::BYTES => {
                self.run()?;
                let text = (tag == tags::STR).then(|| str::from_utf8(&self.text));
                match text.transpose() {
                    Ok(Some(text)) => Input::Str(text),
                    Ok(None) => Input::Bytes(&self.text),
                    Err(_) => return Err(self.frames.error(LoadErrorKind::Damaged)),
                }
            }
            _ => Input::Value(self.value(tag)?),
        };
        Ok(Some(Entry { key: &self.key, deadline, value }))
    }

    fn value(&mut self, tag: u8) -> Result<Value, LoadError> {
        let mut open: Vec<Level> = Vec::new();
        let mut tag = tag;
        loop {
            let mut done = match self.head(tag)? {
                Head::Whole(value) => Some(value),
                Head::Open(_) if open.len() == Value::MAX_DEPTH => return Err(self.damaged()),
                Head::Open(level) => {
                    open.push(level);
                    None
                }
            };
            // Close what is complete, up to the container that has an item left.
            loop {
                let Some(level) = open.last_mut() else { return Ok(done.unwrap_or_default()) };
                if let Some(value) = done.take() {
                    level.put(value);
                }
                if level.left() > 0 {
                    break;
                }
                done = open.pop().map(Level::finish);
            }
            if let Some(Level::Dict { items, key, .. }) = open.last_mut() {
                let next = self.dict_key(items)?;
                *key = Some(next);
            }
            tag = self.byte()?;
        }
    }

    /// The next key, which comes after those before it.
    fn dict_key(&mut self, before: &BTreeMap<Arc<str>, Value>) -> Result<Arc<str>, LoadError> {
        let key = self.str()?;
        match before.last_key_value().is_none_or(|(last, _)| **last < *key) {
            true => Ok(key),
            false => Err(self.damaged()),
        }
    }

    fn head(&mut self, tag: u8) -> Result<Head, LoadError> {
        Ok(Head::Whole(match tag {
            tags::NULL => Value::Null,
            tags::FALSE => Value::Bool(false),
            tags::TRUE => Value::Bool(true),
            tags::INT => Value::Int(i64::from_le_bytes(self.frames.array()?)),
            tags::FLOAT => Value::Float(f64::from_bits(u64::from_le_bytes(self.frames.array()?))),
            tags::STR => Value::Str(self.str()?),
            tags::BYTES => {
                self.run()?;
                Value::from(self.text.as_slice())
            }
            tags::LIST => {
                let left = self.length()?;
                let items = Vec::with_capacity(left.min(MAX_RESERVED) as usize);
                return Ok(Head::Open(Level::List { left, items }));
            }
            tags::DICT => {
                let left = self.length()?;
                return Ok(Head::Open(Level::Dict { left, items: BTreeMap::new(), key: None }));
            }
            _ => return Err(self.damaged()),
        }))
    }

    fn byte(&mut self) -> Result<u8, LoadError> {
        self.frames.array().map(|[byte]| byte)
    }

    fn str(&mut self) -> Result<Arc<str>, LoadError> {
        self.run()?;
        match str::from_utf8(&self.text) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.damaged()),
        }
    }

    /// Bytes behind their length, into the buffer for text.
    fn run(&mut self) -> Result<(), LoadError> {
        let len = self.length()?;
        self.text.clear();
        self.frames.append(len, &mut self.text)
    }

    /// A length, in the one form that is written.
    fn length(&mut self) -> Result<u64, LoadError> {
        let mut len = 0;
        for shift in (0..u64::BITS).step_by(tags::LENGTH_BITS as usize) {
            let byte = self.byte()?;
            let bits = u64::from(byte & !(1 << tags::LENGTH_BITS));
            len |= bits << shift;
            let fits = len >> shift == bits;
            if byte >> tags::LENGTH_BITS == 0 {
                return if fits && (bits > 0 || shift == 0) {
                    Ok(len)
                } else {
                    Err(self.damaged())
                };
            }
        }
        Err(self.damaged())
    }
}

impl Level {
    /// How many items are still to come.
    fn left(&self) -> u64 {
        match self {
            Self::List { left, .. } | Self::Dict { left, .. } => *left,
        }
    }

    fn put(&mut self, value: Value) {
        match self {
            Self::List { left, items } => {
                *left -= 1;
                items.push(value);
            }
            Self::Dict { left, items, key } => {
                *left -= 1;
                if let Some(key) = key.take() {
                    items.insert(key, value);
                }
            }
        }
    }

    fn finish(self) -> Value {
        match self {
            Self::List { items, .. } => Value::List(items.into()),
            Self::Dict { items, .. } => Value::Dict(items.into()),
        }
    }
}
