//! The same requests to this server and to redis-server, and the same replies, byte for
//! byte. What may differ is what depends on the time or on the order of keys; `agree` says
//! how far.

#[path = "../../tests/common/property.rs"]
mod property;
mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use support::{Client, Ours, Redis, reply_len, request, strings};

type Request = Vec<Vec<u8>>;

/// Both servers, with a connection to each.
struct Pair {
    _ours: Ours,
    _redis: Redis,
    our_client: Client,
    redis_client: Client,
}

impl Pair {
    fn start() -> Self {
        let (ours, redis) = (Ours::start(|_| {}), Redis::start());
        let (our_client, redis_client) =
            (Client::connect(ours.address), Client::connect(redis.address));
        let mut pair = Self { _ours: ours, _redis: redis, our_client, redis_client };
        let version = pair.redis_client.say("INFO server");
        assert!(version.contains("redis_version:7."), "another version of Redis: {version}");
        pair
    }

    /// Sends a request to both. Returns what they say if that is not the same.
    fn differ(&mut self, request: &[Vec<u8>]) -> Option<String> {
        let (ours, theirs) = (self.our_client.ask(request), self.redis_client.ask(request));
        let shown = |bytes: &[u8]| bytes[..bytes.len().min(300)].escape_ascii().to_string();
        (!agree(request, &ours, &theirs)).then(|| {
            let args: Vec<_> = request.iter().map(|arg| shown(arg)).collect();
            format!("{}: ours {}, Redis {}", args.join(" "), shown(&ours), shown(&theirs))
        })
    }

    fn check(&mut self, request: &[Vec<u8>]) {
        if let Some(difference) = self.differ(request) {
            panic!("{difference}");
        }
    }

    /// As `check`, with a request that is typed by hand, so that words can be quoted.
    fn check_line(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        self.our_client.send(line.as_bytes());
        self.redis_client.send(line.as_bytes());
        let (ours, theirs) = (self.our_client.reply(), self.redis_client.reply());
        let args: Vec<_> = line.split_whitespace().map(|it| it.as_bytes().to_vec()).collect();
        assert!(
            agree(&args, &ours, &theirs),
            "{line}: ours {}, Redis {}",
            ours.escape_ascii(),
            theirs.escape_ascii()
        );
    }
}

fn int(reply: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(reply).ok()?;
    text.strip_prefix(':')?.strip_suffix("\r\n")?.parse().ok()
}

/// Whether both replies mean the same.
fn agree(request: &[Vec<u8>], ours: &[u8], theirs: &[u8]) -> bool {
    if ours == theirs {
        return true;
    }
    // Redis cuts what it repeats of a request off at a NUL.
    if let (Some(b'-'), Some(nul)) = (ours.first(), ours.iter().position(|byte| *byte == 0)) {
        return theirs.starts_with(&ours[..nul]);
    }
    let name = request[0].to_ascii_lowercase();
    let near = |tolerance: i64| match (int(ours), int(theirs)) {
        // Redis rounds by adding 500, which wraps around at the end of time.
        (Some(ours), Some(theirs)) if theirs < -2 => ours >= i64::MAX / 1000,
        (Some(ours), Some(theirs)) => {
            (ours > 0) == (theirs > 0) && ours.abs_diff(theirs) <= tolerance.unsigned_abs()
        }
        _ => false,
    };
    match name.as_slice() {
        b"ttl" | b"expiretime" => near(2),
        b"pttl" | b"pexpiretime" => near(2000),
        b"keys" if ours.starts_with(b"*") && theirs.starts_with(b"*") => {
            let sorted = |reply| {
                let mut keys = strings(reply);
                keys.sort();
                keys
            };
            sorted(ours) == sorted(theirs)
        }
        b"scan" => match (page(ours), page(theirs)) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => false,
        },
        b"randomkey" => {
            ours.starts_with(b"$")
                && theirs.starts_with(b"$")
                && ours != b"$-1\r\n"
                && theirs != b"$-1\r\n"
        }
        _ => false,
    }
}

/// The cursor and the sorted keys of a reply to SCAN.
fn page(reply: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let rest = reply.strip_prefix(b"*2\r\n")?;
    let (cursor, keys) = rest.split_at(reply_len(rest)?);
    let mut keys = strings(keys);
    keys.sort();
    Some((cursor.to_vec(), keys))
}

fn words(line: &str) -> Request {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Requests whose replies are easy to get wrong, one after the other on one store.
fn corners_of_the_list() -> impl Iterator<Item = &'static str> {
    include_str!("corners.txt").lines().filter(|line| !line.starts_with('#'))
}

#[test]
fn corners() {
    let mut pair = Pair::start();
    for version in ["HELLO 2", "HELLO 3"] {
        // The reply has the number of the connection and the server's version.
        for client in [&mut pair.our_client, &mut pair.redis_client] {
            client.say("FLUSHALL");
            client.say(version);
        }
        for line in corners_of_the_list() {
            // It would go back to version 2.
            if line == "RESET" && version == "HELLO 3" {
                continue;
            }
            pair.check(&words(line));
        }
    }
}

#[test]
fn corners_that_are_no_words() {
    let mut pair = Pair::start();
    let long = vec![b'x'; 20_000];
    let requests: &[&[&[u8]]] = &[
        &[b""],
        &[b"SET", b"", b""],
        &[b"GET", b""],
        &[b"STRLEN", b""],
        &[b"INCR", b""],
        &[b"SET", b"a", b" 1"],
        &[b"INCR", b"a"],
        &[b"SET", b"a", b"1 "],
        &[b"INCR", b"a"],
        &[b"INCRBYFLOAT", b"a", b"1"],
        &[b"INCRBYFLOAT", b"a", b" 1"],
        &[b"INCRBYFLOAT", b"a", b""],
        &[b"SET", b"\x00\xff\r\n", b"\r\n\x00"],
        &[b"GET", b"\x00\xff\r\n"],
        &[b"EXPIRE", b"a", b"5", b"\r\nx\r\n\n"],
        &[b"KEYS", b"?\xff*"],
        &[b"KEYS", b"\x00*"],
        &[b"KEYS", b""],
        &[b"KEYS", b"*"],
        &[b"TYPE", b"\x00\xff\r\n"],
        &[b"ECHO", &long],
        &[b"SET", b"long", &long],
        &[b"GET", b"long"],
        &[b"APPEND", b"long", &long],
        &[b"GET", b"long"],
        &[b"MGET", b"long", b"none", b"long", b""],
        &[b"GETSET", b"long", b"short"],
        &[b"INCRBYFLOAT", b"long", &long],
        &[b"NO\r\nSUCH", b"a\r\nb"],
        &[b"EXPIRE", b"a", b"1", b"bo\r\ngus"],
        &[b"SCAN", b""],
        &[b"SCAN", b" 0"],
        &[b"SCAN", b"0", b"COUNT", b"10000", b"MATCH", b""],
        &[&long],
        &[b"nosuch", &long, &long],
        &[b"nosuch", &long[..127], b"second"],
        &[b"nosuch", &long[..120], b"second", b"third"],
        &[b"config", &long],
        // An error shows what was sent as far as a string of C goes.
        &[b"EXPIRE", b"a", b"1", b"x\xff\x00y"],
        &[b"EXPIRE", b"a", b"1", b"\n\x00"],
        &[b"no\x00such", b"\x00a", b"b\x00\x00", b"c\xff\x00"],
        &[b"get\x00", b"a"],
        &[b"nosuch", &long[..100], b"\x00second", &long[..27]],
        &[b"config", b"x\xff\x00y"],
        &[b"CONFIG", b"SET", b"xX\xff\x00y", b"1"],
        &[b"CONFIG", b"SET", b"port\x00", b"1"],
        &[b"CONFIG", b"SET", b"DataBases", b"1"],
        &[b"CONFIG", b"GET", b"databases\x00"],
        &[b"HELLO", b"3", b"x\xff\x00y"],
        &[b"CLIENT", b"KILL", b"TYPE", b"x\xff\x00y"],
        &[b"CLIENT", b"KILL", b"USER", b"x\xff\x00y"],
        &[b"CLIENT", b"LIST", b"TYPE", b"xX\xff\x00y"],
    ];
    for request in requests {
        let request: Vec<_> = request.iter().map(|arg| arg.to_vec()).collect();
        pair.check(&request);
    }
    for line in [
        "SET \"a b\" 'c d'",
        "GET \"a b\"",
        "SET k \"\\x00\\xff\\n\"",
        "GET k",
        "  PING  ",
        "ping",
        "ECHO 'it\\'s'",
        "ECHO a\"b c\"",
        "ECHO \"\"",
    ] {
        pair.check_line(line);
    }
}

/// Requests that break the protocol get the same last words.
#[test]
fn broken_requests() {
    let (ours, redis) = (Ours::start(|_| {}), Redis::start());
    let long_line = vec![b'1'; 70_000];
    let long = |start: &[u8]| [start, &long_line].concat();
    for bytes in [
        b"*x\r\n".to_vec(),
        b"*1x\r\n".to_vec(),
        b"*99999999999999999999\r\n".to_vec(),
        b"*2147483648\r\n".to_vec(),
        b"*1\r\n*1\r\n$4\r\nPING\r\n".to_vec(),
        b"*1\r\n:5\r\n".to_vec(),
        b"*1\r\nx\r\n".to_vec(),
        b"*1\r\n$x\r\n".to_vec(),
        b"*1\r\n$-1\r\n".to_vec(),
        b"*1\r\n$-5\r\n".to_vec(),
        b"*1\r\n$+4\r\n".to_vec(),
        b"*1\r\n$67108865\r\n".to_vec(),
        b"*1\r\n$99999999999999999999\r\n".to_vec(),
        b"ECHO \"a\r\n".to_vec(),
        b"ECHO 'a\r\n".to_vec(),
        b"ECHO \"a\"b\r\n".to_vec(),
        long(b""),
        long(b"*"),
        long(b"*1\r\n$"),
        // What comes before is answered; what comes after is not.
        b"PING\r\n*1\r\n$x\r\nPING\r\n".to_vec(),
        b"*1\r\n$4\r\nQUIT\r\nPING\r\n".to_vec(),
    ] {
        let answers = [ours.address, redis.address].map(|address| {
            let mut client = Client::connect(address);
            client.send(&bytes);
            client.last_words().map(|it| it.escape_ascii().to_string())
        });
        let [ours, theirs] = answers.map(|it| it.unwrap_or_else(|error| error.to_string()));
        let start = bytes[..bytes.len().min(40)].escape_ascii();
        assert_eq!(ours, theirs, "after {start}");
    }
}

/// Requests that are none are passed over.
#[test]
fn empty_requests() {
    let mut pair = Pair::start();
    for bytes in [&b"\r\n\n  \r\nPING\r\n"[..], b"*0\r\nPING\r\n", b"*-1\r\n*-5\r\nPING\r\n"] {
        pair.our_client.send(bytes);
        pair.redis_client.send(bytes);
        assert_eq!(pair.our_client.reply(), b"+PONG\r\n");
        assert_eq!(pair.redis_client.reply(), b"+PONG\r\n");
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec![&b"a"[..], b"b", b"c", b"ab", b"", b"\x00\xff"]).prop_map(<[u8]>::to_vec)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let corners = [
        "0",
        "1",
        "-1",
        "10",
        "01",
        "+1",
        "-0",
        " 1",
        "1.0",
        "3.14",
        "-1.5e3",
        "1e17",
        "inf",
        "",
        "abc",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775806",
        "0x1f",
    ];
    prop_oneof![
        4 => select(corners.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        1 => any::<f32>().prop_map(|float| float.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..40),
        1 => (0..30_000_usize).prop_map(|len| vec![b'v'; len]),
    ]
}

/// A request that means something, most of the time. Times are marked, and numbered later.
fn sensible() -> impl Strategy<Value = Request> {
    let with = |name: &'static str| {
        let name = name.as_bytes().to_vec();
        move |args: Vec<Vec<u8>>| [vec![name.clone()], args].concat()
    };
    let key_only = select(vec![
        "GET",
        "GETDEL",
        "STRLEN",
        "INCR",
        "DECR",
        "TTL",
        "PTTL",
        "EXPIRETIME",
        "PEXPIRETIME",
        "PERSIST",
        "TYPE",
        "EXISTS",
        "DEL",
        "GETEX",
    ]);
    let key_value =
        select(vec!["SET", "SETNX", "GETSET", "APPEND", "INCRBY", "DECRBY", "INCRBYFLOAT"]);
    let options = vec(
        select(vec!["NX", "XX", "GET", "KEEPTTL", "EX @s", "PX @ms", "EXAT @S", "PXAT @MS"]),
        0..3,
    );
    let conditions = vec(select(vec!["NX", "XX", "GT", "LT"]), 0..3);
    let expire = select(vec!["EXPIRE @s", "PEXPIRE @ms", "EXPIREAT @S", "PEXPIREAT @MS"]);
    let getex = select(vec!["PERSIST", "EX @s", "PX @ms", "EXAT @S", "PXAT @MS"]);
    let split = |options: Vec<&str>| {
        let options = options.join(" ");
        let words = options.split(' ').filter(|word| !word.is_empty());
        words.map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>()
    };
    prop_oneof![
        6 => (key_only, key()).prop_map(|(name, key)| vec![name.into(), key]),
        6 => (key_value, key(), value()).prop_map(|(name, key, value)| vec![name.into(), key, value]),
        4 => (key(), value(), options).prop_map(move |(key, value, options)| {
            [vec![b"SET".to_vec(), key, value], split(options)].concat()
        }),
        3 => (expire, key(), conditions).prop_map(move |(expire, key, conditions)| {
            let (name, time) = expire.split_once(' ').unwrap();
            [vec![name.into(), key, time.into()], split(conditions)].concat()
        }),
        2 => (key(), getex).prop_map(move |(key, option)| {
            [vec![b"GETEX".to_vec(), key], split(vec![option])].concat()
        }),
        1 => (key(), value()).prop_map(|(key, value)| vec![b"SETEX".to_vec(), key, b"@s".to_vec(), value]),
        1 => vec(key(), 1..5).prop_map(with("MGET")),
        1 => vec(key(), 1..5).prop_map(with("DEL")),
        1 => vec(key(), 1..5).prop_map(with("EXISTS")),
        1 => vec((key(), value()), 1..4).prop_map(move |pairs| {
            with("MSET")(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect())
        }),
        1 => (key(), -9..9_i64, -9..9_i64).prop_map(|(key, start, end)| {
            vec![b"GETRANGE".to_vec(), key, start.to_string().into(), end.to_string().into()]
        }),
        1 => (key(), -1..99_i64, value()).prop_map(|(key, offset, value)| {
            vec![b"SETRANGE".to_vec(), key, offset.to_string().into(), value]
        }),
        1 => select(vec!["DBSIZE", "RANDOMKEY", "FLUSHDB", "KEYS *", "KEYS a*", "KEYS ?"]).prop_map(words),
    ]
}

/// A command of any name with arguments that need not fit it.
fn senseless() -> impl Strategy<Value = Request> {
    let names: Vec<&str> =
        "get set setnx setex psetex getset getdel getex mget mset strlen append \
        getrange setrange del unlink exists touch type incr incrby decr decrby incrbyfloat expire \
        pexpire expireat pexpireat ttl pttl expiretime pexpiretime persist keys dbsize randomkey \
        flushdb ping echo select nosuch"
            .split_whitespace()
            .collect();
    let word = select(vec![
        "nx", "XX", "gt", "LT", "get", "EX", "px", "EXAT", "pxat", "keepttl", "PERSIST", "sync",
        "1", "0", "-1", "bogus", "100000",
    ]);
    let word = word.prop_map(|word| word.as_bytes().to_vec());
    let arg = prop_oneof![key(), value(), word];
    (select(names), vec(arg, 0..6)).prop_map(|(name, args)| [vec![name.into()], args].concat())
}

/// Puts times in the place of their marks: relative ones that are all seconds apart, so that
/// it does not matter when they are counted from, and fixed ones that may be equal.
fn timed(request: Request, number: usize) -> Request {
    let relative = 1000 + 7 * number;
    let fixed = 4_102_444_800 + number % 3;
    let time = |arg: Vec<u8>| match arg.as_slice() {
        b"@s" => relative.to_string().into(),
        b"@ms" => (relative * 1000).to_string().into(),
        b"@S" => fixed.to_string().into(),
        b"@MS" => (fixed * 1000 + number % 2).to_string().into(),
        _ => arg,
    };
    request.into_iter().map(time).collect()
}

/// Small times of senseless requests pass while the test runs, on one server first.
fn passes_soon(request: &Request) -> bool {
    let small = |arg: &Vec<u8>| arg.as_slice() == b"1" || arg.as_slice() == b"10";
    let name = request[0].to_ascii_lowercase();
    let expires = [&b"set"[..], b"setex", b"psetex", b"getex", b"expire", b"pexpire"];
    expires.contains(&name.as_slice()) && request.iter().skip(2).any(small)
}

#[test]
fn generated() {
    let pair = RefCell::new(Pair::start());
    let mut runner = TestRunner::new(property::seeded(1500));
    let request = prop_oneof![4 => sensible(), 1 => senseless()];
    let strategy = (any::<bool>(), vec(request, 1..60));
    let result = runner.run(&strategy, |(version_3, requests)| {
        let pair = &mut *pair.borrow_mut();
        let version = if version_3 { "HELLO 3" } else { "HELLO 2" };
        for client in [&mut pair.our_client, &mut pair.redis_client] {
            client.say(version);
            client.say("FLUSHALL");
        }
        for (number, request) in requests.into_iter().enumerate() {
            if request.len() > 1 && passes_soon(&request) {
                continue;
            }
            let difference = pair.differ(&timed(request, number));
            prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// All requests of a sequence at once, and all replies after that.
#[test]
fn pipelined() {
    let mut pair = Pair::start();
    let mut bytes = Vec::new();
    let mut count = 0;
    for round in 0..200 {
        for line in ["SET k 5", "INCR k", "APPEND k x", "GET k", "DEL k", "MGET k l", "NOSUCH"] {
            bytes.extend(request(&words(line)));
            bytes.extend(format!("SET l {round}\r\nGET l\r\n").into_bytes());
            count += 3;
        }
    }
    for client in [&mut pair.our_client, &mut pair.redis_client] {
        client.send(&bytes);
    }
    for _ in 0..count {
        let (ours, theirs) = (pair.our_client.reply(), pair.redis_client.reply());
        assert_eq!(ours, theirs, "{} {}", ours.escape_ascii(), theirs.escape_ascii());
    }
}
