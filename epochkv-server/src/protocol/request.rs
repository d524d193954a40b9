//! Requests: arrays of strings, or lines. The parser is incremental: every byte is looked
//! at once, in however small parts it comes, and nothing is allocated on the word of a
//! length that has not been kept.

use super::{inline, number};
use std::borrow::Cow;
use std::fmt;

/// The longest line: a length, or a request typed by hand.
const MAX_LINE: usize = 64 * 1024;

/// How large requests may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request, and so of each argument.
    pub request: usize,
    /// Arguments of a request.
    pub arguments: usize,
}

/// What is wrong with a request. The connection cannot go on: where the next request
/// begins is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError(Cow<'static, str>);

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol error: {}", self.0)
    }
}

impl std::error::Error for ProtocolError {}

fn error<T>(what: impl Into<Cow<'static, str>>) -> Result<T, ProtocolError> {
    Err(ProtocolError(what.into()))
}

/// Finds requests in a buffer.
///
/// ```
/// use epochkv_server::protocol::{Limits, Parser};
///
/// let mut parser = Parser::new(Limits { request: 1 << 20, arguments: 1 << 10 });
/// let buffer = b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n";
/// // Half of a request is none yet; what was seen is not looked at again.
/// assert_eq!(parser.parse(&buffer[..10])?, None);
/// let len = parser.parse(buffer)?.unwrap();
/// let args: Vec<_> = parser.args(buffer).iter().collect();
/// assert_eq!(args, [b"ECHO", &b"hi"[..]]);
/// // The next begins behind it.
/// parser.next();
/// assert_eq!(parser.parse(&buffer[len..])?, Some(6));
/// # Ok::<(), epochkv_server::protocol::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    /// Where the arguments are that are complete: in the buffer, or in `words`.
    ranges: Vec<(usize, usize)>,
    /// The arguments of a line, without their quotes.
    words: Vec<u8>,
    is_line: bool,
    /// What is before this in the buffer has been understood.
    at: usize,
    /// What is before this holds no end of a line.
    searched: usize,
    /// How many arguments are still to come; none: their number is.
    missing: Option<usize>,
    /// How long the next argument is, if that is known.
    length: Option<usize>,
}

impl Parser {
    /// A parser that stands at the beginning of a request.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (ranges, words) = (Vec::new(), Vec::new());
        let (is_line, missing, length) = (false, None, None);
        Self { limits, ranges, words, is_line, at: 0, searched: 0, missing, length }
    }

    /// Looks for a request at the beginning of `buffer`, which must begin as it did in the
    /// last call. Returns how long the request is when it is complete; it may have no
    /// arguments, as a blank line.
    ///
    /// # Errors
    ///
    /// If this is no request, or one that exceeds the limits.
    pub fn parse(&mut self, buffer: &[u8]) -> Result<Option<usize>, ProtocolError> {
        match buffer.first() {
            None => return Ok(None),
            Some(b'*') => {}
            Some(_) => return self.parse_line(buffer),
        }
        if self.missing.is_none() {
            let Some(header) = self.header(buffer, "too big mbulk count string")? else {
                return Ok(None);
            };
            self.missing = match number::parse(&header[1..]).map(usize::try_from) {
                None => return error("invalid multibulk length"),
                // Redis takes a negative number for zero.
                Some(Err(_)) => Some(0),
                Some(Ok(count)) if count > self.limits.arguments => {
                    return error("invalid multibulk length");
                }
                Some(Ok(count)) => Some(count),
            };
        }
        while self.missing > Some(0) {
            if !self.parse_argument(buffer)? {
                return Ok(None);
            }
            self.missing = self.missing.map(|missing| missing - 1);
        }
        Ok(Some(self.at))
    }

    /// The arguments of the request that is complete at the beginning of `buffer`.
    #[must_use]
    pub fn args<'a>(&'a self, buffer: &'a [u8]) -> Args<'a> {
        Args { bytes: if self.is_line { &self.words } else { buffer }, ranges: &self.ranges }
    }

    /// Goes on to the next request, which begins behind the one that was found.
    pub fn next(&mut self) {
        /// What is kept for the next request, so that a huge one does not last.
        const KEPT: usize = 4096;

        self.ranges.clear();
        self.words.clear();
        self.ranges.shrink_to(KEPT);
        self.words.shrink_to(KEPT);
        (self.at, self.searched) = (0, 0);
        (self.is_line, self.missing, self.length) = (false, None, None);
    }

    /// How many bytes must at least come before it is worth to look again.
    #[must_use]
    pub fn wanted(&self, buffered: usize) -> usize {
        let end = self.length.map_or(0, |length| self.at + length + 2);
        end.saturating_sub(buffered).max(1)
    }

    /// Bytes that are held beside the buffer.
    #[must_use]
    pub fn held(&self) -> usize {
        self.ranges.capacity() * size_of::<(usize, usize)>() + self.words.capacity()
    }

    /// An argument, or as much of it as is there. Returns whether it is complete.
    fn parse_argument(&mut self, buffer: &[u8]) -> Result<bool, ProtocolError> {
        let length = match self.length {
            Some(length) => length,
            None => {
                // Nothing else may stand here, so nothing can be nested.
                match buffer.get(self.at) {
                    None => return Ok(false),
                    Some(b'$') => {}
                    Some(other) => {
                        return error(format!("expected '$', got '{}'", printable(*other)));
                    }
                }
                let Some(header) = self.header(buffer, "too big bulk count string")? else {
                    return Ok(false);
                };
                let length = number::parse(&header[1..]).and_then(|it| usize::try_from(it).ok());
                let Some(length) = length.filter(|length| *length <= self.limits.request) else {
                    return error("invalid bulk length");
                };
                if self.at.saturating_add(length) > self.limits.request {
                    return error(format!("request exceeds {} bytes", self.limits.request));
                }
                *self.length.insert(length)
            }
        };
        let end = self.at + length;
        match buffer.get(end..end + 2) {
            None => return Ok(false),
            Some(b"\r\n") => {}
            Some(_) => return error("expected CRLF after bulk string"),
        }
        self.ranges.push((self.at, end));
        self.length = None;
        self.step_to(end + 2);
        Ok(true)
    }

    /// The line that begins here, if all of it is there, without its end.
    fn header<'b>(
        &mut self,
        buffer: &'b [u8],
        too_long: &'static str,
    ) -> Result<Option<&'b [u8]>, ProtocolError> {
        let Some(end) = self.find(b'\r', buffer, too_long)? else {
            return Ok(None);
        };
        let line = &buffer[self.at..end];
        match buffer.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => {
                self.step_to(end + 2);
                Ok(Some(line))
            }
            Some(_) => error("expected LF after CR"),
        }
    }

    fn parse_line(&mut self, buffer: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(end) = self.find(b'\n', buffer, "too big inline request")? else {
            return Ok(None);
        };
        let line = &buffer[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut ends = Vec::new();
        if !inline::split(line, &mut self.words, &mut ends) {
            return error("unbalanced quotes in request");
        }
        let mut start = 0;
        self.ranges.extend(ends.into_iter().map(|end| (std::mem::replace(&mut start, end), end)));
        self.is_line = true;
        Ok(Some(end + 1))
    }

    /// Where the end of the line is that begins here.
    fn find(
        &mut self,
        end: u8,
        buffer: &[u8],
        too_long: &'static str,
    ) -> Result<Option<usize>, ProtocolError> {
        match buffer[self.searched..].iter().position(|byte| *byte == end) {
            Some(found) if self.searched + found - self.at <= MAX_LINE => {
                self.searched += found;
                return Ok(Some(self.searched));
            }
            None if buffer.len() - self.at <= MAX_LINE => {}
            _ => return error(too_long),
        }
        self.searched = buffer.len();
        Ok(None)
    }

    fn step_to(&mut self, at: usize) {
        (self.at, self.searched) = (at, at);
    }
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '?' }
}

/// The arguments of a request; the first is the name of the command.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    ranges: &'a [(usize, usize)],
}

impl<'a> Args<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.ranges.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.ranges.is_empty()
    }

    /// An argument, if there are so many.
    #[must_use]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = *self.ranges.get(index)?;
        self.bytes.get(start..end)
    }

    /// All of them, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.ranges.iter().map(move |(start, end)| &self.bytes[*start..*end])
    }
}

impl<'a> std::ops::Index<usize> for Args<'a> {
    type Output = [u8];

    /// An argument that is there because the number of arguments was checked.
    fn index(&self, index: usize) -> &[u8] {
        let (start, end) = self.ranges[index];
        &self.bytes[start..end]
    }
}
