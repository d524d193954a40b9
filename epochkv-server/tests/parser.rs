//! Requests are found in whatever pieces they come.

use epochkv_server::protocol::{Limits, Parser};
use proptest::collection::vec;
use proptest::prelude::*;

#[path = "../../tests/common/property.rs"]
mod property;

const LIMITS: Limits = Limits { request: 200, arguments: 9 };

/// The requests in some bytes that come in pieces of these sizes, over and over, and the
/// error that ends them.
fn requests(bytes: &[u8], sizes: &[usize]) -> Vec<Result<Vec<Vec<u8>>, String>> {
    let mut parser = Parser::new(LIMITS);
    let mut found = Vec::new();
    let (mut start, mut end) = (0, 0);
    for size in sizes.iter().cycle() {
        end = (end + size).min(bytes.len());
        loop {
            let buffer = &bytes[start..end];
            match parser.parse(buffer) {
                Err(error) => {
                    found.push(Err(error.to_string()));
                    return found;
                }
                Ok(None) => break,
                Ok(Some(len)) => {
                    found.push(Ok(parser.args(buffer).iter().map(<[u8]>::to_vec).collect()));
                    parser.next();
                    start += len;
                }
            }
        }
        assert!(parser.wanted(end - start) >= 1);
        if end == bytes.len() {
            return found;
        }
    }
    found
}

/// Bytes of which requests are made, so that some are.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        3 => prop::sample::select(vec![
            "*1\r\n", "*2\r\n", "*0\r\n", "*-1\r\n", "*10\r\n", "$4\r\n", "$0\r\n", "$4\r\nPING\r\n",
            "$0\r\n\r\n", "\r\n", "PING\r\n", "$201\r\n", "$-1\r\n", "\"a b\" 'c'\n", "\"\\x41\"",
            "\n", " ", "$1\r\n\r\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..5),
        1 => vec(vec(any::<u8>(), 0..20), 0..8).prop_map(|args| request(&args)),
    ];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn request(args: &[Vec<u8>]) -> Vec<u8> {
    let header = format!("*{}\r\n", args.len()).into_bytes();
    let arg = |arg: &Vec<u8>| [format!("${}\r\n", arg.len()).as_bytes(), arg, b"\r\n"].concat();
    [header, args.iter().flat_map(arg).collect()].concat()
}

proptest! {
    #![proptest_config(property::seeded(2000))]

    #[test]
    fn pieces_make_no_difference(bytes in bytes(), sizes in vec(1..20_usize, 1..10)) {
        let whole = requests(&bytes, &[bytes.len().max(1)]);
        prop_assert_eq!(&whole, &requests(&bytes, &[1]));
        prop_assert_eq!(&whole, &requests(&bytes, &sizes));
    }

    #[test]
    fn what_was_sent_is_found(sent in vec(vec(vec(any::<u8>(), 0..20), 1..9), 0..10)) {
        let bytes: Vec<u8> = sent.iter().flat_map(|args| request(args)).collect();
        let found = requests(&bytes, &[7]);
        let sent: Vec<_> = sent.into_iter().map(Ok).collect();
        prop_assert_eq!(found, sent);
    }
}

#[test]
fn a_string_ends_where_its_length_says() {
    for end in ["xx", "\rx", "\n\r", "x\r\n"] {
        let bytes = format!("*1\r\n$4\r\nPING{end}");
        let found = requests(bytes.as_bytes(), &[1]);
        let error = "Protocol error: expected CRLF after bulk string".to_owned();
        assert_eq!(found, [Err(error)], "{end:?}");
    }
}

#[test]
fn a_long_request_in_short_pieces_takes_linear_time() {
    // A parser that begins anew with each piece would look at 10^11 bytes here.
    const ARGS: usize = 200_000;
    let mut parser = Parser::new(Limits { request: 1 << 30, arguments: ARGS });
    let bytes = request(&vec![b"k".to_vec(); ARGS]);
    let mut found = None;
    for end in (0..=bytes.len()).step_by(7).chain([bytes.len()]) {
        assert!(found.is_none());
        found = parser.parse(&bytes[..end]).unwrap();
    }
    assert_eq!(found, Some(bytes.len()));
    assert_eq!(parser.args(&bytes).len(), ARGS);
}
