//! Requests typed by hand: one line of words, which may be quoted.

/// Splits a line into words and appends their bytes to `text` and where each ends there
/// to `ends`. Returns whether all quotes are closed and each is followed by a space.
///
/// In double quotes a backslash begins `\n`, `\r`, `\t`, `\b`, `\a`, `\xHH`, or stands for
/// the character after it; in single quotes only `\'` means something.
pub(super) fn split(line: &[u8], text: &mut Vec<u8>, ends: &mut Vec<usize>) -> bool {
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        // The C library also counts the vertical tab as space.
        if let [0x0b, after @ ..] = rest {
            rest = after;
            continue;
        }
        if rest.is_empty() {
            return true;
        }
        let Some(after) = word(rest, text) else {
            return false;
        };
        ends.push(text.len());
        rest = after;
    }
}

/// Appends the word that begins here. Returns what stands behind it, or nothing if a
/// quote is not as it must be.
fn word<'l>(mut rest: &'l [u8], text: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        rest = match rest {
            [] => return Some(rest),
            [c, after @ ..] if is_space(*c) => return Some(after),
            [b'"', quoted @ ..] => return closed(double_quoted(quoted, text)?),
            [b'\'', quoted @ ..] => return closed(single_quoted(quoted, text)?),
            [c, after @ ..] => {
                text.push(*c);
                after
            }
        };
    }
}

/// What stands behind a closing quote, which must be the end of the word.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|c| is_space(*c)).then_some(rest)
}

fn double_quoted<'l>(mut rest: &'l [u8], text: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        let (c, after) = match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                (hex(*high)? * 16 + hex(*low)?, after)
            }
            [b'\\', c, after @ ..] => (escaped(*c), after),
            [c, after @ ..] => (*c, after),
        };
        text.push(c);
        rest = after;
    }
}

fn single_quoted<'l>(mut rest: &'l [u8], text: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        let (c, after) = match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [b'\'', after @ ..] => return Some(after),
            [c, after @ ..] => (*c, after),
        };
        text.push(c);
        rest = after;
    }
}

fn escaped(c: u8) -> u8 {
    match c {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_space(c: u8) -> bool {
    c.is_ascii_whitespace() || c == 0x0b
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        split(line, &mut text, &mut ends).then(|| {
            let starts = std::iter::once(0).chain(ends.iter().copied());
            starts.zip(&ends).map(|(start, end)| text[start..*end].to_vec()).collect()
        })
    }

    #[test]
    fn words_and_quotes() {
        let cases: [(&[u8], &[&[u8]]); 8] = [
            (b"", &[]),
            (b" \t ", &[]),
            (b"SET  k v ", &[b"SET", b"k", b"v"]),
            (br#"SET "a b" 'c d'"#, &[b"SET", b"a b", b"c d"]),
            (br#""\x00\xfF\n\r\t\b\a\"\\\q\xg0""#, &[b"\x00\xff\n\r\t\x08\x07\"\\qxg0"]),
            (br"'it\'s \n'", &[br"it's \n"]),
            (br#""" ''"#, &[b"", b""]),
            (br#"a"b c""#, &[b"ab c"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn bad_quotes() {
        for line in [r#"""#, "'", r#""a"#, r#""a"b"#, "'a'b", r#""a\""#, "'a'\"b\""] {
            assert_eq!(words(line.as_bytes()), None, "{line}");
        }
    }
}
