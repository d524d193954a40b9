//! Integers in the one form that Redis takes for one: `-?[1-9][0-9]*` or `0`, in the
//! range of an `i64`.

/// The integer, if the text is the one that printing it gives.
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // The longest is that of 2^63; nothing of this length passes the range of u64.
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > 19 {
        return None;
    }
    let mut magnitude = 0_u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    #[test]
    fn one_text_for_each_integer() {
        assert_eq!(parse(b"-12"), Some(-12));
        for other in ["", "01", "+1", " 1", "1 ", "-0", "1.0", "a"] {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        for int in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
            assert_eq!(parse(int.to_string().as_bytes()), Some(int));
        }
        for text in ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "-"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::property::seeded(256))]

        #[test]
        fn accepts_exactly_what_prints_the_same(text in "[-+ 0-9]{0,20}") {
            let expected = text.parse::<i64>().ok().filter(|int| int.to_string() == text);
            prop_assert_eq!(parse(text.as_bytes()), expected);
        }
    }
}
