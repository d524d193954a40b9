//! From our patterns to the engine's, which count bytes, read classes differently and can be
//! made to run for seconds: the engine is asked for more than enough, by a pattern that is
//! cheap for it, and what it finds is matched again here.

/// The most stars in a pattern for the engine, whose time can grow with every one of them.
const MAX_STARS: usize = 8;

/// The longest pattern for the engine, for the same reason.
const MAX_LEN: usize = 256;

/// What the engine is asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum EnginePattern {
    /// The pattern has no wildcard: it is this key.
    Literal(Vec<u8>),
    /// The engine's own pattern, which matches whatever ours does, and perhaps more.
    Glob(Vec<u8>),
}

/// Translates a pattern. A question mark, which is one character for us and one byte for the
/// engine, becomes a byte and a star; from the first class on, a star stands for the rest.
pub(crate) fn engine_pattern(pattern: &[u8]) -> EnginePattern {
    let mut glob = Vec::new();
    // What was read up to the first wildcard: a key if none comes, else always cheap.
    let mut literal = Vec::new();
    let mut prefix = None;
    let mut stars = 0;
    let mut rest = pattern;
    while let Some((&byte, mut tail)) = rest.split_first() {
        match byte {
            b'*' | b'?' | b'[' => {
                prefix.get_or_insert(glob.len());
                stars += 1;
                let run = rest.iter().take_while(|byte| matches!(byte, b'*' | b'?')).count();
                let ones = rest[..run].iter().filter(|byte| **byte == b'?');
                glob.extend(ones);
                glob.push(b'*');
                tail = if byte == b'[' { &[] } else { &rest[run..] };
            }
            b'\\' if !tail.is_empty() => {
                literal.push(tail[0]);
                push_escaped(&mut glob, tail[0]);
                tail = &tail[1..];
            }
            byte => {
                literal.push(byte);
                push_escaped(&mut glob, byte);
            }
        }
        rest = tail;
    }
    let Some(prefix) = prefix else {
        return EnginePattern::Literal(literal);
    };
    if stars > MAX_STARS || glob.len() > MAX_LEN {
        glob.truncate(prefix);
        glob.push(b'*');
    }
    EnginePattern::Glob(glob)
}

/// The pattern that matches exactly these bytes.
pub(crate) fn escape(text: &[u8]) -> Vec<u8> {
    let mut glob = Vec::with_capacity(text.len());
    text.iter().for_each(|&byte| push_escaped(&mut glob, byte));
    glob
}

fn push_escaped(glob: &mut Vec<u8>, byte: u8) {
    if matches!(byte, b'*' | b'?' | b'[' | b'\\') {
        glob.push(b'\\');
    }
    glob.push(byte);
}

#[cfg(test)]
mod tests {
    use super::{EnginePattern, MAX_LEN, MAX_STARS, engine_pattern};
    use epochkv::Pattern;
    use proptest::prelude::*;

    /// The part of the engine's grammar that is used here, by the book.
    fn engine_matches(glob: &[u8], key: &[u8]) -> bool {
        match (glob, key) {
            ([], _) => key.is_empty(),
            ([b'*', rest @ ..], _) => {
                (0..=key.len()).any(|skipped| engine_matches(rest, &key[skipped..]))
            }
            ([b'?', rest @ ..], [_, key @ ..]) => engine_matches(rest, key),
            ([b'\\', byte, rest @ ..], [first, key @ ..]) => {
                byte == first && engine_matches(rest, key)
            }
            ([byte, rest @ ..], [first, key @ ..]) => byte == first && engine_matches(rest, key),
            (_, []) => false,
        }
    }

    proptest! {
        #![proptest_config(crate::property::seeded(20_000))]

        #[test]
        fn the_engine_finds_all_that_matches(
            pattern in r"[ab?*\[\]\\^é-]{0,8}",
            key in r"[ab?*\\é\[-]{0,5}",
        ) {
            let matches = Pattern::new(pattern.as_str()).is_match(key.as_str());
            match engine_pattern(pattern.as_bytes()) {
                EnginePattern::Literal(only) => prop_assert_eq!(matches, only == key.as_bytes()),
                EnginePattern::Glob(glob) => {
                    prop_assert!(!matches || engine_matches(&glob, key.as_bytes()));
                }
            }
        }
    }

    fn glob(pattern: &str) -> String {
        match engine_pattern(pattern.as_bytes()) {
            EnginePattern::Glob(glob) => String::from_utf8(glob).expect("text"),
            EnginePattern::Literal(key) => panic!("{pattern:?} is the key {key:?}"),
        }
    }

    #[test]
    fn the_engine_narrows_as_far_as_its_grammar_is_ours() {
        assert_eq!(glob("user:*"), "user:*");
        assert_eq!(glob(r"a\*b**c?*?d"), r"a\*b*c??*d");
        assert_eq!(glob("job:[0-9]*:x"), "job:*");
        let literal = engine_pattern(br"a\*\\b\");
        assert_eq!(literal, EnginePattern::Literal(br"a*\b\".to_vec()));
    }

    #[test]
    fn a_pattern_that_is_costly_for_the_engine_does_not_reach_it() {
        assert_eq!(glob(&format!("a{}", "*b".repeat(MAX_STARS + 1))), "a*");
        assert_eq!(glob(&format!("x*{}", "a".repeat(MAX_LEN))), "x*");
        assert_eq!(glob(&"*".repeat(10_000)), "*");
    }
}
