//! Floats as INCRBYFLOAT knows them: the 80-bit numbers of the x87, which are the
//! `long double` of Redis on x86-64, so that sums come out digit for digit the same.

use num_bigint::BigUint;
use rustc_apfloat::Float as _;
use rustc_apfloat::ieee::X87DoubleExtended;

/// The longest text that counts as a number; Redis has the same bound.
const MAX_TEXT: usize = 5 * 1024;

/// Digits behind the point that are printed, before the zeros at the end go.
const FRACTION_DIGITS: u32 = 17;

/// Bits of the significand, which has no hidden one.
const SIGNIFICAND_BITS: u32 = 64;

/// What the exponent field is for numbers in [1, 2).
const EXPONENT_BIAS: i32 = 16383;

/// An 80-bit float that is not NaN.
#[derive(Clone, Copy, Debug)]
pub struct Float(X87DoubleExtended);

impl Float {
    /// Zero.
    pub const ZERO: Self = Self(X87DoubleExtended::ZERO);

    /// The number that `strtold` reads, if the text is one whole number: decimal or
    /// hexadecimal, or an infinity, without spaces around it, and in range.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() >= MAX_TEXT {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let (negative, magnitude) = match text.as_bytes()[0] {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let lower = magnitude.to_ascii_lowercase();
        let number = match lower.as_str() {
            "inf" | "infinity" => X87DoubleExtended::INFINITY,
            _ => finite(&lower)?,
        };
        Some(Self(if negative { -number } else { number }))
    }

    /// The sum, if it is a finite number.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }

    /// The number with up to 17 digits behind the point, the last one rounded, and
    /// without zeros at the end. Only for finite numbers.
    #[must_use]
    pub fn print(self) -> String {
        let bits = self.0.to_bits();
        let significand = bits as u64;
        let exponent = ((bits >> SIGNIFICAND_BITS) & 0x7fff) as i32;
        // Denormal numbers have the exponent of the smallest normal ones.
        let exponent = exponent.max(1) - EXPONENT_BIAS - (SIGNIFICAND_BITS as i32 - 1);
        let scaled = BigUint::from(significand) * BigUint::from(10_u32).pow(FRACTION_DIGITS);
        let scaled = match u32::try_from(exponent) {
            Ok(left) => scaled << left,
            Err(_) => shift_right_rounding(scaled, exponent.unsigned_abs()),
        };
        let digits = format!("{scaled:0>width$}", width = FRACTION_DIGITS as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - FRACTION_DIGITS as usize);
        let fraction = fraction.trim_end_matches('0');
        let negative = self.0.is_negative() && !(whole == "0" && fraction.is_empty());
        let (sign, point) =
            (if negative { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// A number without sign, in lower case.
fn finite(text: &str) -> Option<X87DoubleExtended> {
    let hexadecimal = text.starts_with("0x");
    let (mantissa, exponent) = match text.split_once(if hexadecimal { 'p' } else { 'e' }) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = mantissa.strip_prefix("0x").unwrap_or(mantissa);
    let is_digit = |c: char| if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
    let well_formed = digits.contains(is_digit)
        && digits.chars().all(|c| is_digit(c) || c == '.')
        && digits.matches('.').count() <= 1;
    let exponent_digits = exponent.map(|it| it.strip_prefix(['+', '-']).unwrap_or(it));
    let exponent_well_formed = exponent_digits
        .is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()));
    if !well_formed || !exponent_well_formed {
        return None;
    }
    let is_zero = digits.chars().all(|c| c == '0' || c == '.');
    if is_zero {
        return Some(X87DoubleExtended::ZERO);
    }
    // The parser wants an exponent after hexadecimal digits.
    let text =
        if hexadecimal && exponent.is_none() { format!("{text}p0") } else { text.to_owned() };
    let number = text.parse::<X87DoubleExtended>().ok()?;
    (number.is_finite() && !number.is_zero()).then_some(number)
}

/// A number divided by 2^`bits`, rounded to the nearest integer, and to the even one of
/// two that are equally near.
fn shift_right_rounding(number: BigUint, bits: u32) -> BigUint {
    let mut quotient = &number >> bits;
    let rest = number - (&quotient << bits);
    let half = BigUint::from(1_u32) << (bits - 1);
    if rest > half || rest == half && quotient.bit(0) {
        quotient += 1_u32;
    }
    quotient
}

#[cfg(test)]
mod tests {
    use super::Float;

    fn sum(one: &str, other: &str) -> Option<String> {
        let [one, other] = [one, other].map(|text| Float::parse(text.as_bytes()).unwrap());
        one.checked_add(other).map(Float::print)
    }

    #[test]
    fn sums_print_as_in_redis() {
        // Each was answered by redis-server 7.0.15 on x86-64.
        for (one, other, expected) in [
            ("0", "3", "3"),
            ("3.0", "1.1", "4.1"),
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("-0.0", "-0", "0"),
            ("1", "-1.5", "-0.5"),
            ("1e17", "0.1", "100000000000000000.1015625"),
            ("0x10", "0x1.8p1", "19"),
        ] {
            assert_eq!(sum(one, other).as_deref(), Some(expected), "{one} + {other}");
        }
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("inf", "-inf"), None);
    }

    #[test]
    fn other_text_is_no_number() {
        for text in ["", " 1", "1 ", "abc", "nan", "1.2.3", "1e", "1e+", "--1", "0x", "1e5000", "."]
        {
            assert!(Float::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
