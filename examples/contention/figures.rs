//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Calls per second, to the whole call.
pub(crate) fn rate(calls: u64, seconds: f64) -> String {
    count((calls as f64 / seconds.max(1e-9)).round() as u64)
}

/// Nanoseconds in the unit that keeps three digits.
pub(crate) fn nanos(nanos: u64) -> String {
    let (value, unit) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (nanos as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        _ => (nanos as f64 / 1e9, "s"),
    };
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(rate(10, 4.0), "3");
        assert_eq!(nanos(999), "999 ns");
        assert_eq!(nanos(1_500), "1.50 µs");
        assert_eq!(nanos(45_600_000), "45.6 ms");
        assert_eq!(nanos(2_000_000_000), "2.00 s");
    }
}
