//! Replies, in either version of the protocol.

use epochkv::Snapshot;

/// Values of at least this size are not copied into the reply: it holds on to them.
const SHARED_MIN: usize = 16 * 1024;

/// The version of the protocol that a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Until the client says otherwise.
    #[default]
    Resp2,
    /// With types for maps, sets and nothing.
    Resp3,
}

/// Replies that wait to be sent.
#[derive(Debug)]
pub struct Reply {
    version: Version,
    bytes: Vec<u8>,
    /// Values that go in between: each behind so many of the bytes.
    shared: Vec<(usize, Snapshot)>,
    /// The size of the shared values.
    shared_len: usize,
    limit: usize,
    /// Whether something was left out because of the limit.
    overflowed: bool,
}

impl Reply {
    /// No replies yet; no more than `limit` bytes may wait.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let (bytes, shared) = (Vec::new(), Vec::new());
        Self { version: Version::Resp2, bytes, shared, shared_len: 0, limit, overflowed: false }
    }

    /// The version of the replies to come.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The version of the replies to come.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() + self.shared_len
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether more should have been sent than the limit allows. What waits is then not
    /// whole, and must not be sent.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Forgets what waits behind the first `len` bytes that were put in.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.shared.retain(|(at, _)| *at <= len);
        self.shared_len =
            self.shared.iter().filter_map(|(_, value)| value.as_bytes()).map(<[u8]>::len).sum();
    }

    /// How many bytes were put in, without shared values; for [`truncate`](Self::truncate).
    #[must_use]
    pub fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// What waits, in the order in which it is to be sent.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        let shared = self.shared.iter().flat_map(move |(at, value)| {
            let before = &self.bytes[start..*at];
            start = *at;
            [before, value.as_bytes().unwrap_or_default()]
        });
        let last = self.shared.last().map_or(0, |(at, _)| *at);
        shared.chain([&self.bytes[last..]])
    }

    /// Everything was sent.
    pub fn clear(&mut self) {
        /// What is kept for the next replies, so that a huge one does not last.
        const KEPT: usize = 128 * 1024;

        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.shared = Vec::new();
        self.shared_len = 0;
    }

    /// A short text that says that all is well.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.put(b"+OK\r\n");
    }

    /// An error: a code in capitals, and a text. Ends of lines in it become spaces; at its
    /// end they are left out.
    pub fn error(&mut self, text: &[u8]) {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let len = text.len() - text.iter().rev().take_while(|byte| is_end(byte)).count();
        let text = &text[..len];
        let start = self.bytes.len() + 1;
        self.line(b'-', text);
        let end = self.bytes.len().saturating_sub(2);
        for byte in self.bytes.get_mut(start..end).unwrap_or_default() {
            if is_end(byte) {
                *byte = b' ';
            }
        }
    }

    /// An integer.
    pub fn int(&mut self, int: i64) {
        self.number(b':', int);
    }

    /// A number of things.
    pub fn count(&mut self, count: usize) {
        self.length(b':', count);
    }

    /// A string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.length(b'$', bytes.len());
        self.put(bytes);
        self.put(b"\r\n");
    }

    /// A stored string, which is not copied if it is long.
    pub fn value(&mut self, value: &Snapshot) {
        if let Some(int) = value.as_int() {
            return self.bulk(itoa::Buffer::new().format(int).as_bytes());
        }
        let bytes = value.as_bytes().unwrap_or_default();
        if bytes.len() < SHARED_MIN {
            return self.bulk(bytes);
        }
        self.length(b'$', bytes.len());
        if self.has_room(bytes.len()) {
            self.shared.push((self.bytes.len(), value.clone()));
            self.shared_len += bytes.len();
        }
        self.put(b"\r\n");
    }

    /// A stored string, or nothing.
    pub fn value_or_null(&mut self, value: Option<&Snapshot>) {
        match value {
            Some(value) => self.value(value),
            None => self.null(),
        }
    }

    /// Nothing, where a string would be.
    pub fn null(&mut self) {
        self.put(match self.version {
            Version::Resp2 => b"$-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// A text for people.
    pub fn verbatim(&mut self, text: &str) {
        match self.version {
            Version::Resp2 => self.bulk(text.as_bytes()),
            Version::Resp3 => {
                self.length(b'=', "txt:".len() + text.len());
                self.put(b"txt:");
                self.put(text.as_bytes());
                self.put(b"\r\n");
            }
        }
    }

    /// So many replies follow as its items.
    pub fn array(&mut self, len: usize) {
        self.length(b'*', len);
    }

    /// So many pairs of replies follow; they are items of an array before version 3.
    pub fn map(&mut self, pairs: usize) {
        match self.version {
            Version::Resp2 => self.length(b'*', pairs * 2),
            Version::Resp3 => self.length(b'%', pairs),
        }
    }

    /// So many replies follow, in no order; they are items of an array before version 3.
    pub fn set(&mut self, len: usize) {
        match self.version {
            Version::Resp2 => self.length(b'*', len),
            Version::Resp3 => self.length(b'~', len),
        }
    }

    fn length(&mut self, kind: u8, len: usize) {
        self.number(kind, i64::try_from(len).unwrap_or(i64::MAX));
    }

    fn number(&mut self, kind: u8, number: i64) {
        self.line(kind, itoa::Buffer::new().format(number).as_bytes());
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        if self.has_room(text.len() + 3) {
            self.bytes.push(kind);
            self.bytes.extend_from_slice(text);
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn has_room(&mut self, len: usize) -> bool {
        self.overflowed |= len > self.limit.saturating_sub(self.len());
        !self.overflowed
    }
}
