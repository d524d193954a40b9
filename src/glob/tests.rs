//! What the store relies on and the public API does not show.

use super::plan::Plan;
use super::{Alphabet, Pattern};

fn plan<K: Alphabet + ?Sized>(pattern: &K) -> &'static str {
    match Pattern::new(pattern).plan {
        Plan::Nothing => "nothing",
        Plan::All => "all",
        Plan::Exact(_) => "exact",
        Plan::Prefix(_) => "prefix",
        Plan::Suffix(_) => "suffix",
        Plan::Contains(_) => "contains",
        Plan::Fixed(_) => "fixed",
        Plan::General(_) => "general",
    }
}

#[test]
fn everyday_patterns_get_the_cheapest_plan() {
    let rows: &[(&str, &[&str])] = &[
        ("nothing", &["[]", "a[]b*", "*[", "[^\0-\u{10ffff}]"]),
        ("all", &["*", "***"]),
        ("exact", &["", "a", r"a\*b", "[a]", "[aa]", r"[\]]", "é[日]"]),
        ("prefix", &["a*", "user:**", "[u]ser*", r"\**"]),
        ("suffix", &["*a", "**:profile"]),
        ("contains", &["*a*", "**123**", "*é*"]),
        ("fixed", &["?", "a[bc]d", "??", "[^]", "[\0-\u{10ffff}]"]),
        ("general", &["a*b", "?*", "*?", "*?a*", "*a?*", "*a*b*", "*a?b*", "[ab]*"]),
    ];
    for (expected, patterns) in rows {
        for pattern in *patterns {
            assert_eq!(plan(*pattern), *expected, "{pattern}");
        }
    }
    assert_eq!(plan(&b"[\0-\xff]"[..]), "fixed");
    assert_eq!(plan(&b"[^\0-\xfe]"[..]), "exact");
}

#[test]
fn a_pattern_without_wildcards_tells_its_key() {
    assert_eq!(Pattern::new(r"a\?[é]\").exact_bytes(), Some(r"a?é\".as_bytes()));
    assert_eq!(Pattern::<[u8]>::new(b"\xff[\x80]").exact_bytes(), Some(&b"\xff\x80"[..]));
    assert_eq!(Pattern::new("").exact_bytes(), Some(&b""[..]));
    for pattern in ["a*", "a?", "[ab]", "[]", "[^]"] {
        assert_eq!(Pattern::new(pattern).exact_bytes(), None, "{pattern}");
    }
}

#[test]
fn debug_shows_an_equivalent_pattern() {
    assert_eq!(format!("{:?}", Pattern::new("é*")), r#"Pattern("é*")"#);
    assert_eq!(format!("{:?}", Pattern::prefix("a*[")), r#"Pattern("a\\*\\[*")"#);
}

/// Every string of up to five bytes out of those that UTF-8 treats differently, as a key of
/// string patterns: any answer will do, but there must be one.
#[test]
fn bytes_that_are_not_utf8_get_an_answer() {
    let bytes = [b'a', 0x80, 0xbf, 0xc3, 0xe6, 0xf0, 0xff];
    let patterns = [
        "?",
        "???",
        "*??",
        "??*",
        "?*?",
        "[^a]*",
        "*[^a]",
        "[é-日]",
        "*[é-日]?a*",
        "*a[^é]é*",
        "*é*",
        "*?[a-日]?[^a]*?",
        "a*",
        "*a",
    ];
    let patterns = patterns.map(Pattern::<str>::new);
    for length in 0..=5 {
        for code in 0..bytes.len().pow(length) {
            let digits = (0..length).map(|place| code / bytes.len().pow(place) % bytes.len());
            let key: Vec<u8> = digits.map(|digit| bytes[digit]).collect();
            for pattern in &patterns {
                let found = pattern.is_match_bytes(&key);
                if let Ok(key) = core::str::from_utf8(&key) {
                    assert_eq!(found, pattern.is_match(key));
                }
            }
        }
    }
}
