//! The grammar once more, written to be obviously right: no plan, no cleverness, quadratic.
//!
//! Patterns and keys are sequences of units: characters or bytes.

const STAR: u32 = b'*' as u32;
const ANY: u32 = b'?' as u32;
const OPEN: u32 = b'[' as u32;
const CLOSE: u32 = b']' as u32;
const NOT: u32 = b'^' as u32;
const TO: u32 = b'-' as u32;
const ESCAPE: u32 = b'\\' as u32;

/// Whether `key` matches, decided for every suffix of the pattern and every suffix of the key,
/// from the shortest to the longest.
pub(crate) fn is_match(pattern: &[u32], key: &[u32]) -> bool {
    let width = key.len() + 1;
    let mut table = vec![vec![false; width + 1]; pattern.len() + 1];
    table[pattern.len()][key.len()] = true;
    for p in (0..pattern.len()).rev() {
        for k in (0..width).rev() {
            let unit = key.get(k).copied();
            table[p][k] = match &pattern[p..] {
                [STAR, ..] => table[p + 1][k] || table[p][k + 1],
                [ANY, ..] => unit.is_some() && table[p + 1][k + 1],
                [OPEN, rest @ ..] => unit.is_some_and(|unit| {
                    let (found, rest) = class(rest, unit);
                    found && table[pattern.len() - rest.len()][k + 1]
                }),
                [ESCAPE, literal, ..] => unit == Some(*literal) && table[p + 2][k + 1],
                [literal, ..] => unit == Some(*literal) && table[p + 1][k + 1],
                [] => unreachable!(),
            };
        }
    }
    table[0][0]
}

/// Whether the class that `pattern` begins with, behind its `[`, has the unit; what follows it.
fn class(pattern: &[u32], unit: u32) -> (bool, &[u32]) {
    let negated = pattern.first() == Some(&NOT);
    let mut pattern = &pattern[usize::from(negated)..];
    let mut found = false;
    loop {
        pattern = match pattern {
            [] => return (found != negated, pattern),
            [CLOSE, rest @ ..] => return (found != negated, rest),
            [ESCAPE, member, rest @ ..] => {
                found |= unit == *member;
                rest
            }
            [a, TO, b, rest @ ..] if *b != CLOSE => {
                found |= (*a.min(b)..=*a.max(b)).contains(&unit);
                rest
            }
            [member, rest @ ..] => {
                found |= unit == *member;
                rest
            }
        };
    }
}
