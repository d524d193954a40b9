//! Glob patterns: which keys a scan wants.
//!
//! A pattern is compiled once and then matched against many keys. It is cut at its stars;
//! the first piece stands at the start of the key, the last at its end, and each piece in
//! between at the leftmost place it fits. Nothing backtracks, so that no pattern, however
//! hostile, costs more than [`Pattern::is_match`] says.

mod alphabet;
mod element;
mod error;
mod masks;
mod parser;
mod plan;
mod run;
mod substring;
#[cfg(test)]
mod tests;

use core::fmt;
use core::marker::PhantomData;

pub(crate) use self::alphabet::Alphabet;
pub use self::error::{PatternError, PatternErrorKind};
use self::parser::Parser;
use self::plan::{Plan, Prefix};

/// A compiled glob pattern over keys of type `K`: characters of a `str`, bytes of a `[u8]`.
///
/// The pattern must match the whole key, and case matters.
///
/// | in a pattern | matches |
/// | --- | --- |
/// | `*` | any run of characters, also none, also `/`, newline and NUL |
/// | `?` | exactly one character |
/// | `[abc]` | one of these characters |
/// | `[a-z]` | one character of the range; `[z-a]` is the same range |
/// | `[^abc]` | one character that is none of these |
/// | `[]`, `[^]` | nothing; any one character |
/// | `\x` | `x`, whatever it is |
/// | anything else | itself |
///
/// Inside a class, `\x` is `x`; a hyphen that comes first, or right before `]`, is a hyphen,
/// or, in `[+--]`, the end of a range; `[` is itself. A range takes its second end as it stands, so an escaped character cannot be
/// one. A class without `]` goes on to the end of the pattern, and a backslash at the end of
/// the pattern is itself. `!`, braces, `[:alpha:]` and leading dots are nothing special.
///
/// These are the rules of Redis with four differences: a string key consists of characters
/// instead of bytes; `[a-]` is `a` or a hyphen; there is no limit on the number of stars; and
/// `**` matches the empty key, as `*` does.
///
/// # Examples
///
/// ```
/// use epochkv::Pattern;
///
/// let pattern = Pattern::new("user:[0-9]*:prof?le");
/// assert!(pattern.is_match("user:42:profile"));
/// assert!(!pattern.is_match("user:x:profile"));
///
/// let one_unit = "é";
/// assert!(Pattern::new("?").is_match(one_unit));
/// assert!(!Pattern::<[u8]>::new(b"?").is_match(one_unit.as_bytes()));
/// ```
pub struct Pattern<K: ?Sized = str> {
    source: Box<[u8]>,
    plan: Plan,
    key: PhantomData<fn(&K)>,
}

impl<K: Alphabet + ?Sized> Pattern<K> {
    /// Compiles a pattern. Every text is a pattern; [`strict`](Self::strict) refuses those
    /// that are likely a mistake.
    ///
    /// Takes O(n log n) time and O(n) memory for a pattern of n bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use epochkv::Pattern;
    ///
    /// assert!(Pattern::new("session:*").is_match("session:7f"));
    /// assert!(Pattern::<[u8]>::new(b"\xff*").is_match(b"\xff\x00"));
    /// ```
    #[must_use]
    pub fn new(pattern: &K) -> Self {
        Self::compile(pattern).0
    }

    /// Compiles a pattern, or says why it is doubtful: a class without `]`, a class without
    /// members, a reversed range, or a backslash at the end. The first doubt from the left is
    /// reported.
    ///
    /// Takes O(n log n) time and O(n) memory for a pattern of n bytes.
    ///
    /// # Errors
    ///
    /// A [`PatternError`] with the kind and the position of the first doubt.
    ///
    /// # Examples
    ///
    /// ```
    /// use epochkv::Pattern;
    ///
    /// assert!(Pattern::strict("user:[0-9]*").is_ok());
    /// assert_eq!(Pattern::strict("user:[9-0]*").unwrap_err().position(), 6);
    /// ```
    pub fn strict(pattern: &K) -> Result<Self, PatternError> {
        match Self::compile(pattern) {
            (_, Some(doubt)) => Err(doubt),
            (pattern, None) => Ok(pattern),
        }
    }

    /// The pattern for keys that start with this literal text: nothing in it is special.
    ///
    /// Takes O(n) for a text of n bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use epochkv::Pattern;
    ///
    /// let pattern = Pattern::prefix("[draft]");
    /// assert!(pattern.is_match("[draft] chapter 1"));
    /// assert!(!pattern.is_match("d"));
    /// ```
    #[must_use]
    pub fn prefix(text: &K) -> Self {
        let text = text.pattern_bytes();
        let mut source = Vec::with_capacity(text.len() + 1);
        for &byte in text {
            if matches!(byte, b'*' | b'?' | b'[' | b'\\') {
                source.push(b'\\');
            }
            source.push(byte);
        }
        source.push(b'*');
        let plan = if text.is_empty() { Plan::All } else { Plan::Prefix(Prefix::new(text)) };
        Self { source: source.into_boxed_slice(), plan, key: PhantomData }
    }

    /// Whether the whole of `key` matches.
    ///
    /// Takes O(n) for a key of n bytes. Only a pattern in which a piece between two stars has
    /// wildcards inside, such as `*a?b*`, takes O(n * m / 64), where m is the length of the
    /// longest such piece. Classes with r ranges add a factor of log r for characters beyond
    /// ASCII. Allocates only if m is more than 64, and then O(m / 64).
    ///
    /// # Examples
    ///
    /// ```
    /// use epochkv::Pattern;
    ///
    /// let pattern = Pattern::new("*.tmp");
    /// assert!(pattern.is_match("a/b.tmp"));
    /// assert!(!pattern.is_match("a/b.tmp2"));
    /// ```
    #[inline]
    #[must_use]
    pub fn is_match(&self, key: &K) -> bool {
        self.is_match_bytes(key.pattern_bytes())
    }

    /// The pattern as it is written, a prefix with its escapes.
    ///
    /// ```
    /// use epochkv::Pattern;
    ///
    /// assert_eq!(Pattern::new("a?").as_bytes(), b"a?");
    /// assert_eq!(Pattern::prefix("a?").as_bytes(), br"a\?*");
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.source
    }

    /// [`is_match`](Self::is_match) for the bytes of a key.
    ///
    /// Whether bytes that are no key of type `K` match a pattern with wildcards is not
    /// specified, but the answer is given at the same cost.
    #[inline]
    pub(crate) fn is_match_bytes(&self, key: &[u8]) -> bool {
        self.plan.is_match::<K>(key)
    }

    /// The bytes of the only key that matches, if the pattern has no wildcard: one lookup
    /// then does the work of a scan.
    pub(crate) fn exact_bytes(&self) -> Option<&[u8]> {
        match &self.plan {
            Plan::Exact(key) => Some(key),
            _ => None,
        }
    }

    /// The pattern that every key matches, `*`.
    pub(crate) fn everything() -> Self {
        Self { source: Box::new(*b"*"), plan: Plan::All, key: PhantomData }
    }

    fn compile(pattern: &K) -> (Self, Option<PatternError>) {
        let mut parser = Parser::new(pattern);
        let plan = Plan::new(&mut parser);
        let source = pattern.pattern_bytes().into();
        (Self { source, plan, key: PhantomData }, parser.doubt())
    }
}

impl<K: ?Sized> Clone for Pattern<K> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), plan: self.plan.clone(), key: PhantomData }
    }
}

impl<K: ?Sized> fmt::Debug for Pattern<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&String::from_utf8_lossy(&self.source)).finish()
    }
}
