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

/// Whether `key` matches: one element of the pattern after the other, with all the places in the
/// key that the elements so far can end at.
pub(crate) fn is_match(mut pattern: &[u32], key: &[u32]) -> bool {
    let mut ends = vec![false; key.len() + 1];
    ends[0] = true;
    while let Some(first) = ends.iter().position(|is_end| *is_end) {
        pattern = match pattern {
            [] => return ends[key.len()],
            [STAR, rest @ ..] => {
                ends[first..].fill(true);
                rest
            }
            [ANY, rest @ ..] => {
                step(&mut ends, key, |_| true);
                rest
            }
            [OPEN, rest @ ..] => {
                step(&mut ends, key, |unit| class(rest, unit).0);
                class(rest, 0).1
            }
            [ESCAPE, literal, rest @ ..] | [literal, rest @ ..] => {
                step(&mut ends, key, |unit| unit == *literal);
                rest
            }
        };
    }
    false
}

/// Moves all places over one unit of the key, where it is one that is wanted.
fn step(ends: &mut [bool], key: &[u32], is_wanted: impl Fn(u32) -> bool) {
    for at in (0..key.len()).rev() {
        ends[at + 1] = ends[at] && is_wanted(key[at]);
    }
    ends[0] = false;
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
