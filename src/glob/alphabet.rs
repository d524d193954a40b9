//! What one `?` stands for: a character of a string key, a byte of a byte key.
//!
//! Matching runs over bytes for both kinds of key. Only `?` and classes need to know where
//! one unit ends, and ask here.

/// A kind of key, as a sequence of units. Sealed: `str` (characters) and `[u8]` (bytes).
///
/// The functions on text are total. For `str` they are exact on valid UTF-8; on any other
/// bytes they still end, stay inside the text and take at least one byte per unit.
pub trait Alphabet: sealed::Sealed {
    /// The greatest unit.
    #[doc(hidden)]
    const LAST: u32;

    /// The bytes that are matched.
    #[doc(hidden)]
    fn pattern_bytes(&self) -> &[u8];

    /// The first unit and its width in bytes; `None` if the text is empty.
    #[doc(hidden)]
    fn first(text: &[u8]) -> Option<(u32, usize)>;

    /// The last unit and its width in bytes; `None` if the text is empty.
    #[doc(hidden)]
    fn last(text: &[u8]) -> Option<(u32, usize)>;

    /// The text after its first `count` units; `None` if it has fewer.
    #[doc(hidden)]
    fn skip_front(text: &[u8], count: usize) -> Option<&[u8]>;

    /// The text before its last `count` units; `None` if it has fewer.
    #[doc(hidden)]
    fn skip_back(text: &[u8], count: usize) -> Option<&[u8]>;

    /// Appends the bytes of a unit.
    #[doc(hidden)]
    fn encode(unit: u32, text: &mut Vec<u8>);
}

mod sealed {
    /// Keeps foreign types out of [`Alphabet`](super::Alphabet).
    pub trait Sealed {}
    impl Sealed for str {}
    impl Sealed for [u8] {}
}

impl Alphabet for [u8] {
    const LAST: u32 = u8::MAX as u32;

    fn pattern_bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn first(text: &[u8]) -> Option<(u32, usize)> {
        text.first().map(|&byte| (byte.into(), 1))
    }

    #[inline]
    fn last(text: &[u8]) -> Option<(u32, usize)> {
        text.last().map(|&byte| (byte.into(), 1))
    }

    #[inline]
    fn skip_front(text: &[u8], count: usize) -> Option<&[u8]> {
        text.get(count..)
    }

    #[inline]
    fn skip_back(text: &[u8], count: usize) -> Option<&[u8]> {
        text.get(..text.len().checked_sub(count)?)
    }

    fn encode(unit: u32, text: &mut Vec<u8>) {
        text.push(u8::try_from(unit).unwrap_or(u8::MAX));
    }
}

impl Alphabet for str {
    const LAST: u32 = char::MAX as u32;

    fn pattern_bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    #[inline]
    fn first(text: &[u8]) -> Option<(u32, usize)> {
        let &lead = text.first()?;
        if lead.is_ascii() {
            return Some((lead.into(), 1));
        }
        let width = utf8_width(lead).min(text.len());
        // The lead byte spends one marker bit per byte of the character, and a zero.
        let payload = u32::from(lead) & (0x7f >> width);
        let unit = text.iter().take(width).skip(1);
        Some((unit.fold(payload, |unit, byte| unit << 6 | u32::from(byte & 0x3f)), width))
    }

    #[inline]
    fn last(text: &[u8]) -> Option<(u32, usize)> {
        let continuation = text.iter().rev().take(3).take_while(|&&byte| is_continuation(byte));
        let start = text.len().saturating_sub(continuation.count() + 1);
        let character = text.get(start..)?;
        let (unit, _) = Self::first(character)?;
        Some((unit, character.len()))
    }

    #[inline]
    fn skip_front(text: &[u8], count: usize) -> Option<&[u8]> {
        let mut at = 0;
        for _ in 0..count {
            at += utf8_width(*text.get(at)?);
        }
        // Only a key that is not UTF-8 can end within a character.
        Some(text.get(at..).unwrap_or_default())
    }

    #[inline]
    fn skip_back(mut text: &[u8], count: usize) -> Option<&[u8]> {
        for _ in 0..count {
            let (_, width) = Self::last(text)?;
            text = text.get(..text.len() - width)?;
        }
        Some(text)
    }

    fn encode(unit: u32, text: &mut Vec<u8>) {
        let unit = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(unit.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// How many bytes a character has that begins with `lead`; 1 if no character does.
#[inline]
fn utf8_width(lead: u8) -> usize {
    match lead {
        0x00..=0xbf => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    }
}

#[inline]
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
