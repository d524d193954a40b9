//! Many clients at once: each command on a key takes effect at one instant, and what has
//! expired goes by itself.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;
use support::{Client, Ours, PATIENCE, reply_len, request, strings};

const CLIENTS: usize = 8;
const ROUNDS: usize = 500;

/// Runs `work` with as many clients at once, and returns what each has found.
fn together<R: Send>(
    address: SocketAddr,
    work: impl Fn(usize, &mut Client) -> R + Send + Sync,
) -> Vec<R> {
    thread::scope(|scope| {
        let work = &work;
        let one = |number| scope.spawn(move || work(number, &mut Client::connect(address)));
        let threads: Vec<_> = (0..CLIENTS).map(one).collect();
        threads.into_iter().map(|it| it.join().expect("the client is served")).collect()
    })
}

#[test]
fn nothing_is_lost_or_done_twice() {
    let server = Ours::start(|_| {});
    // How many more tokens each client has put than it has taken.
    let put = together(server.address, |_, client| {
        let mut put = 0;
        for _ in 0..ROUNDS {
            client.say("INCR n");
            client.say("APPEND text x");
            client.say("INCRBYFLOAT float 0.5");
            put -= i64::from(client.say("GETDEL token") == "$1\r\nt\r\n");
            put += i64::from(client.say("SET token t NX GET") == "$-1\r\n");
        }
        put
    });
    let mut client = Client::connect(server.address);
    let all = CLIENTS * ROUNDS;
    assert_eq!(client.say("GET n"), format!("${}\r\n{all}\r\n", all.to_string().len()));
    assert_eq!(client.say("STRLEN text"), format!(":{all}\r\n"));
    let half = (all / 2).to_string();
    assert_eq!(client.say("GET float"), format!("${}\r\n{half}\r\n", half.len()));
    // The last one that was put is there, or somebody has taken it.
    let left: i64 = put.iter().sum();
    assert_eq!(client.say("EXISTS token"), format!(":{left}\r\n"));
}

#[test]
fn of_many_only_one_sets_what_is_absent() {
    let server = Ours::start(|_| {});
    for command in ["SETNX", "SET"] {
        let wins = together(server.address, |_, client| {
            let mut won = Vec::new();
            for round in 0..ROUNDS {
                let key = format!("{command}:{round}");
                let reply = match command {
                    "SETNX" => client.ask(&["SETNX", &key, "v"]),
                    _ => client.ask(&["SET", &key, "v", "NX", "EX", "100"]),
                };
                if reply == b":1\r\n" || reply == b"+OK\r\n" {
                    won.push(round);
                }
            }
            won
        });
        let mut rounds = wins.concat();
        rounds.sort_unstable();
        assert_eq!(rounds, (0..ROUNDS).collect::<Vec<_>>(), "{command}");
    }
}

/// SCAN from the start to the end.
fn scan(client: &mut Client, count: usize) -> Vec<Vec<u8>> {
    let (mut cursor, mut met) = ("0".to_owned(), Vec::new());
    loop {
        let reply = client.ask(&["SCAN", &cursor, "COUNT", &count.to_string()]);
        let rest = reply.strip_prefix(b"*2\r\n").expect("a page");
        let (next, keys) = rest.split_at(reply_len(rest).expect("a cursor"));
        met.extend(strings(keys));
        let next = String::from_utf8_lossy(next);
        cursor = next.lines().nth(1).expect("a cursor").to_owned();
        if cursor == "0" {
            return met;
        }
    }
}

#[test]
fn scan_meets_what_stays_once_while_the_table_grows_and_shrinks() {
    const STAY: usize = 2000;
    let server = Ours::start(|_| {});
    let mut client = Client::connect(server.address);
    for number in 0..STAY {
        client.ask(&["SET", &format!("stays:{number}"), "v"]);
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = Client::connect(server.address);
            while !done.load(Ordering::Relaxed) {
                for command in ["SET", "DEL"] {
                    let line = |number| match command {
                        "SET" => request(&["SET", &format!("comes:{number}"), "v"]),
                        _ => request(&["DEL", &format!("comes:{number}")]),
                    };
                    writer.send(&(0..5000).flat_map(line).collect::<Vec<_>>());
                    (0..5000).for_each(|_| _ = writer.reply());
                }
            }
        });
        for count in [1, 10, 100, 1000, 10, 100] {
            let met = scan(&mut client, count);
            let unique: BTreeSet<_> = met.iter().collect();
            let stay = unique.iter().filter(|key| key.starts_with(b"stays:")).count();
            assert_eq!((unique.len(), stay), (met.len(), STAY), "by {count}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_has_expired_leaves_without_being_asked_for() {
    let server = Ours::start(|_| {});
    let mut client = Client::connect(server.address);
    client.say("SET stays v");
    for number in 0..1000 {
        client.ask(&["SET", &format!("goes:{number}"), "v", "PX", "50"]);
    }
    let start = Instant::now();
    while client.say("DBSIZE") != ":1\r\n" {
        assert!(start.elapsed() < PATIENCE, "{} are left", client.say("DBSIZE"));
    }
    assert_eq!(client.say("KEYS *"), "*1\r\n$5\r\nstays\r\n");
}
