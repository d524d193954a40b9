//! How keys are called in the engine: under a namespace, so that several stores and other
//! programs share an engine without meeting.

use crate::glob;
use epochkv::{ErrorKind, MAX_KEY_LEN, Pattern, StoreError, StoreErrorKind};

/// Stands between a namespace and a key, and never in a namespace: so no namespace's keys
/// begin as those of another.
const SEPARATOR: char = ':';

/// A namespace: what all keys of a store begin with in the engine.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    prefix: String,
}

/// What a walk looks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Wanted {
    /// One key, by its name in the engine.
    Exactly(Vec<u8>),
    /// At least the keys that match, as a pattern in the engine's own grammar.
    AtLeast(Vec<u8>),
}

impl Namespace {
    /// The one that is taken where none is named.
    pub(crate) fn standard() -> Self {
        Self { prefix: format!("epochkv{SEPARATOR}") }
    }

    pub(crate) fn new(name: &str) -> Result<Self, StoreError> {
        if name.is_empty() || name.contains(SEPARATOR) {
            let message = format!("a namespace is not empty and has no '{SEPARATOR}': {name:?}");
            return Err(StoreError::new(StoreErrorKind::BadConfig, message));
        }
        Ok(Self { prefix: format!("{name}{SEPARATOR}") })
    }

    /// The name of a key in the engine; none for a key that no store can have.
    pub(crate) fn name(&self, key: &str) -> Option<Vec<u8>> {
        (key.len() <= MAX_KEY_LEN).then(|| [self.prefix.as_bytes(), key.as_bytes()].concat())
    }

    /// As [`name`](Self::name), for writing calls.
    pub(crate) fn name_to_write(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        self.name(key).ok_or_else(|| ErrorKind::KeyTooLong.into())
    }

    /// The key that is so called, if it is one of this namespace and is text.
    pub(crate) fn key<'n>(&self, name: &'n [u8]) -> Option<&'n str> {
        str::from_utf8(name.strip_prefix(self.prefix.as_bytes())?).ok()
    }

    /// Whether a name is one of this namespace's.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        name.starts_with(self.prefix.as_bytes())
    }

    /// What to ask the engine for, to find all keys that match.
    pub(crate) fn wanted(&self, pattern: &Pattern) -> Wanted {
        let prefix = self.prefix.as_bytes();
        match glob::engine_pattern(pattern.as_bytes()) {
            glob::EnginePattern::Literal(key) => Wanted::Exactly([prefix, &key].concat()),
            glob::EnginePattern::Glob(glob) => {
                Wanted::AtLeast([glob::escape(prefix), glob].concat())
            }
        }
    }

    /// All keys, as a pattern in the engine's own grammar.
    pub(crate) fn all(&self) -> Vec<u8> {
        [glob::escape(self.prefix.as_bytes()), b"*".to_vec()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::{Namespace, Wanted};
    use epochkv::{MAX_KEY_LEN, Pattern, StoreErrorKind};

    fn namespace(name: &str) -> Namespace {
        Namespace::new(name).expect("a good name")
    }

    #[test]
    fn no_key_is_in_two_namespaces() {
        let (short, long) = (namespace("a"), namespace("ab"));
        let name = long.name("key").expect("a short key");
        assert_eq!(long.key(&name), Some("key"));
        assert!(!short.has(&name) && short.key(&name).is_none());
        for bad in ["", "a:", ":", "a:b"] {
            let error = Namespace::new(bad).expect_err("refused");
            assert_eq!(error.kind(), StoreErrorKind::BadConfig);
        }
    }

    #[test]
    fn special_characters_of_a_namespace_are_escaped() {
        let namespace = namespace("[a]*?\\");
        assert_eq!(namespace.all(), br"\[a]\*\?\\:*");
        let wanted = namespace.wanted(&Pattern::new("x*"));
        assert_eq!(wanted, Wanted::AtLeast(br"\[a]\*\?\\:x*".to_vec()));
        let wanted = namespace.wanted(&Pattern::new(r"x\*"));
        assert_eq!(wanted, Wanted::Exactly(br"[a]*?\:x*".to_vec()));
    }

    #[test]
    fn a_key_that_is_too_long_has_no_name() {
        let (longest, longer) = ("k".repeat(MAX_KEY_LEN), "k".repeat(MAX_KEY_LEN + 1));
        assert!(namespace("n").name(&longest).is_some());
        assert!(namespace("n").name(&longer).is_none());
        assert!(namespace("n").name_to_write(&longer).is_err());
    }

    #[test]
    fn names_that_are_not_text_are_no_keys() {
        assert_eq!(namespace("n").key(b"n:\xff"), None);
        assert!(namespace("n").has(b"n:\xff"));
    }
}
