//! How the keys of the store are spelled, and what a profile holds.

use std::fmt::{self, Display, Write};

use crate::rng::mix;

/// The key of the feature flag.
pub(crate) const FLAG: &str = "flag:checkout";

/// A key that is spelled from numbers. Numbers are padded so that sorted keys count upwards.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Profile { user: usize },
    Session { user: usize },
    Hits { route: usize },
    Bytes { route: usize },
    Limit { client: usize, window: u64 },
    Token { issuer: usize, serial: u64 },
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Profile { user } => write!(f, "profile:{user:08}"),
            Self::Session { user } => write!(f, "session:{user:08}"),
            Self::Hits { route } => write!(f, "route:{route:02}:hits"),
            Self::Bytes { route } => write!(f, "route:{route:02}:bytes"),
            Self::Limit { client, window } => write!(f, "limit:{client:03}:{window}"),
            Self::Token { issuer, serial } => write!(f, "token:{issuer}:{serial}"),
        }
    }
}

/// Spells `text` into `buffer`, which is reused so that the harness does not allocate per call.
pub(crate) fn spell(buffer: &mut String, text: impl Display) -> &str {
    buffer.clear();
    // Writing to a `String` cannot fail.
    let _ = write!(buffer, "{text}");
    buffer
}

/// The one value that the profile of `user` ever has.
pub(crate) fn profile(user: usize) -> impl Display {
    struct Profile(u64);
    impl Display for Profile {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:016x}", self.0)
        }
    }
    Profile(mix(user as u64))
}

/// Whether `text` is the profile of `user`.
pub(crate) fn is_profile(text: &str, user: usize) -> bool {
    text.len() == 16 && u64::from_str_radix(text, 16) == Ok(mix(user as u64))
}

/// A flag value whose second half vouches for the first.
pub(crate) fn flag(version: u64) -> String {
    format!("{version}:{:016x}", mix(version))
}

/// The version of a flag value, if its halves agree.
pub(crate) fn flag_version(text: &str) -> Option<u64> {
    let (version, seal) = text.split_once(':')?;
    let version = version.parse().ok()?;
    (u64::from_str_radix(seal, 16) == Ok(mix(version))).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_vouch_for_themselves() {
        assert!(is_profile(&profile(7).to_string(), 7));
        assert!(!is_profile(&profile(7).to_string(), 8));
        assert_eq!(flag_version(&flag(12)), Some(12));
        assert_eq!(flag_version("13:0000000000000000"), None);
        assert_eq!(flag_version(""), None);
    }

    #[test]
    fn padded_keys_sort_by_number() {
        let keys = [9, 10, 99_999_999].map(|user| Key::Profile { user }.to_string());
        assert!(keys.is_sorted());
    }
}
