//! The server's parser of requests against a naive one, and against itself in pieces.
//!
//! The input is a run of sizes, 0, and the bytes that come in pieces of those sizes.

use super::request::{Limits, Parser};

const LIMITS: Limits = Limits { request: 300, arguments: 20 };

/// The longest line that the parser takes.
const MAX_LINE: usize = 64 * 1024;

/// Arguments, or no more than that there is an error.
type Found = Result<Vec<Vec<u8>>, ()>;

#[inline]
pub fn run(input: &[u8]) {
    let zero = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (sizes, bytes) = (&input[..zero], input.get(zero + 1..).unwrap_or_default());
    let sizes: Vec<_> = sizes.iter().map(|size| usize::from(*size)).collect();
    let whole = requests(bytes, &[bytes.len()]);
    assert_eq!(whole, requests(bytes, &sizes), "in pieces of {sizes:?}");
    assert_eq!(whole, requests(bytes, &[1]), "byte by byte");
    let mut rest = bytes;
    for found in &whole {
        match (naive(rest), found) {
            (Some(Ok((args, len))), Ok(found)) => {
                if let Some(args) = args {
                    assert_eq!(&args, found);
                }
                rest = &rest[len..];
            }
            (Some(Err(())), Err(())) => return,
            (expected, found) => panic!("{found:?} instead of {expected:?}"),
        }
    }
    assert_eq!(naive(rest), None, "in {}", rest.escape_ascii());
}

/// What the parser finds when the bytes come in pieces of these sizes, over and over.
fn requests(bytes: &[u8], sizes: &[usize]) -> Vec<Found> {
    let mut parser = Parser::new(LIMITS);
    let (mut found, mut start, mut end) = (Vec::new(), 0, 0);
    let ones = [1];
    let sizes = if sizes.is_empty() { &ones } else { sizes };
    for size in sizes.iter().cycle() {
        end = (end + size.max(&1)).min(bytes.len());
        loop {
            let buffer = &bytes[start..end];
            match parser.parse(buffer) {
                Err(error) => {
                    assert!(error.to_string().starts_with("Protocol error: "));
                    found.push(Err(()));
                    return found;
                }
                Ok(None) => break,
                Ok(Some(len)) => {
                    let args: Vec<_> = parser.args(buffer).iter().map(<[u8]>::to_vec).collect();
                    let size: usize = args.iter().map(Vec::len).sum();
                    // A line has its own limit.
                    assert!(buffer[0] != b'*' || args.len() <= LIMITS.arguments);
                    assert!(buffer[0] != b'*' || size <= LIMITS.request);
                    assert!(0 < len && len <= buffer.len() && size <= len);
                    found.push(Ok(args));
                    parser.next();
                    start += len;
                }
            }
        }
        assert!(parser.wanted(end - start) >= 1);
        // What is held grows with what has come, not with what was announced.
        assert!(parser.held() <= 64 * (end - start) + 64 * 1024);
        if end == bytes.len() {
            return found;
        }
    }
    found
}

/// The first request, as plainly as can be: its arguments, unless they stand in a line with
/// quotes, and its length. Nothing if it is not complete.
#[allow(clippy::type_complexity)]
fn naive(bytes: &[u8]) -> Option<Result<(Option<Vec<Vec<u8>>>, usize), ()>> {
    if *bytes.first()? != b'*' {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let end = match end {
            Some(end) if end <= MAX_LINE => end,
            None if bytes.len() <= MAX_LINE => return None,
            _ => return Some(Err(())),
        };
        let line = &bytes[..end];
        if line.contains(&b'"') || line.contains(&b'\'') {
            let mut parser = Parser::new(LIMITS);
            return Some(parser.parse(bytes).map(|_| (None, end + 1)).map_err(|_| ()));
        }
        let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
        let words = line.split(is_space).filter(|word| !word.is_empty());
        return Some(Ok((Some(words.map(<[u8]>::to_vec).collect()), end + 1)));
    }
    let (count, mut at) = match length(bytes, 0)? {
        Ok(header) => header,
        Err(()) => return Some(Err(())),
    };
    if count > LIMITS.arguments as i64 {
        return Some(Err(()));
    }
    let mut args = Vec::new();
    for _ in 0..count {
        if *bytes.get(at)? != b'$' {
            return Some(Err(()));
        }
        let (len, start) = match length(bytes, at)? {
            Ok(header) => header,
            Err(()) => return Some(Err(())),
        };
        let Some(len) = usize::try_from(len).ok().filter(|len| start + len <= LIMITS.request)
        else {
            return Some(Err(()));
        };
        let end = bytes.get(start + len..start + len + 2)?;
        if end != b"\r\n" {
            return Some(Err(()));
        }
        args.push(bytes[start..start + len].to_vec());
        at = start + len + 2;
    }
    Some(Ok((Some(args), at)))
}

/// The number in the line that begins at `at` with one more byte, and where the next line
/// begins.
fn length(bytes: &[u8], at: usize) -> Option<Result<(i64, usize), ()>> {
    let end = bytes[at..].iter().position(|byte| *byte == b'\r');
    let end = match end {
        Some(end) if end <= MAX_LINE => at + end,
        None if bytes.len() - at <= MAX_LINE => return None,
        _ => return Some(Err(())),
    };
    if *bytes.get(end + 1)? != b'\n' {
        return Some(Err(()));
    }
    let text = std::str::from_utf8(&bytes[at + 1..end]).ok();
    let number = text.and_then(|text| text.parse::<i64>().ok().filter(|it| it.to_string() == text));
    Some(number.map(|number| (number, end + 2)).ok_or(()))
}
