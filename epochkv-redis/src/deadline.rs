//! Times to live, as the engine takes them.

use epochkv::{Ttl, TtlKind};
use std::time::Duration;

/// More milliseconds than this are as good as for ever, and as many as engines can add to
/// their clock.
const MAX_MS: u64 = i64::MAX as u64 / 2;

/// The option of `SET` and `GETEX` that sets a deadline, and its argument.
#[derive(Debug, PartialEq)]
pub(crate) struct Deadline {
    /// `PX`, milliseconds from now; `PXAT`, since 1970, the origin of the engine's clock; or
    /// empty for none.
    pub(crate) option: &'static str,
    pub(crate) ms: String,
}

impl Deadline {
    pub(crate) fn of(ttl: Ttl) -> Self {
        let (option, ms) = match ttl.kind() {
            TtlKind::Never => ("", 0),
            TtlKind::After(time) => ("PX", ms(time)),
            TtlKind::Until(time) => ("PXAT", ms(time)),
        };
        Self { option, ms: ms.to_string() }
    }
}

/// Whole milliseconds, rounded up.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).map_or(MAX_MS, |ms| ms.min(MAX_MS))
}

#[cfg(test)]
mod tests {
    use super::{Deadline, MAX_MS, ms};
    use epochkv::Ttl;
    use std::time::Duration;

    #[test]
    fn the_three_kinds() {
        let deadline = |ttl| {
            let Deadline { option, ms } = Deadline::of(ttl);
            (option, ms)
        };
        assert_eq!(deadline(Ttl::NEVER), ("", "0".to_owned()));
        assert_eq!(deadline(Ttl::from(2)), ("PX", "2000".to_owned()));
        assert_eq!(deadline(Duration::MAX.into()), ("PX", MAX_MS.to_string()));
        assert_eq!(deadline(Ttl::until(Duration::from_secs(7))), ("PXAT", "7000".to_owned()));
        assert_eq!(deadline(Ttl::until(Duration::ZERO)), ("PXAT", "1".to_owned()));
        assert_eq!(ms(Duration::ZERO), 0);
        assert_eq!(ms(Duration::from_nanos(1)), 1);
    }
}
