//! Patterns and keys against the naive matcher of `tests/glob/oracle.rs`.
//!
//! The input is a pattern and a key, with 0xff between: no byte of UTF-8. Both are
//! matched as bytes; if they are text, also as text.

use super::oracle;
use epochkv::{Pattern, PatternError, PatternErrorKind};

const END_OF_PATTERN: u8 = 0xff;

#[inline]
pub fn run(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == END_OF_PATTERN).unwrap_or(input.len());
    let (pattern, key) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let units = |bytes: &[u8]| bytes.iter().copied().map(u32::from).collect();
    check(pattern, pattern, key, units, |one, other| one.starts_with(other));
    if let (Ok(pattern), Ok(key)) = (std::str::from_utf8(pattern), std::str::from_utf8(key)) {
        let units = |text: &str| text.chars().map(u32::from).collect();
        check(pattern, pattern.as_bytes(), key, units, |one, other| one.starts_with(other));
    }
}

/// All that is known about a pattern and a key of one kind.
fn check<K: epochkv::Key + ?Sized>(
    text: &K,
    bytes: &[u8],
    key: &K,
    units: impl Fn(&K) -> Vec<u32>,
    starts_with: impl Fn(&K, &K) -> bool,
) {
    let expected = oracle::is_match(&units(text), &units(key));
    let lenient = Pattern::<K>::new(text);
    assert_eq!(lenient.is_match(key), expected, "{text:?} on {key:?}");
    assert_eq!(lenient.clone().is_match(key), expected, "a clone of {text:?} on {key:?}");
    match Pattern::<K>::strict(text) {
        Ok(strict) => assert_eq!(strict.is_match(key), expected, "strict {text:?} on {key:?}"),
        Err(doubt) => check_doubt(doubt, bytes),
    }
    let prefix = Pattern::<K>::prefix(text);
    assert_eq!(prefix.is_match(key), starts_with(key, text), "prefix {text:?} on {key:?}");
}

/// A doubt is about what stands where it points to.
fn check_doubt(doubt: PatternError, pattern: &[u8]) {
    let at = &pattern[doubt.position()..];
    let is_so = match doubt.kind() {
        PatternErrorKind::UnclosedClass => at[0] == b'[',
        PatternErrorKind::EmptyClass => at.starts_with(b"[]") || at.starts_with(b"[^]"),
        PatternErrorKind::ReversedRange => at.contains(&b'-'),
        PatternErrorKind::TrailingBackslash => at == b"\\",
        _ => false,
    };
    assert!(is_so, "{doubt:?} in {}", pattern.escape_ascii());
    assert!(doubt.to_string().contains(&doubt.position().to_string()));
}
