//! Clients that mean harm: what they send costs little, ends their connection with a clear
//! error, and does not keep others from being served.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};
use support::{Client, Ours, PATIENCE, Process, request};

const MIB: usize = 1 << 20;

/// All that the server says before it hangs up.
fn last_words(client: Client) -> String {
    let words = client.last_words().expect("the connection is closed, not reset");
    String::from_utf8_lossy(&words).into_owned()
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn lengths_that_are_not_kept_cost_nothing() {
    let server = Process::start(&[]);
    let mut witness = Client::connect(server.address);
    witness.say("PING");
    let (before, reserved) = (server.resident(), server.reserved());
    let clients: Vec<_> = (0..300)
        .map(|_| {
            let mut client = Client::connect(server.address);
            client.send(b"*1000000\r\n$67000000\r\nnot so many");
            client
        })
        .collect();
    assert_eq!(witness.say("PING"), "+PONG\r\n");
    let grown = server.resident().saturating_sub(before);
    // Each promises 64 MiB, and 24 MiB of places for its arguments.
    assert!(grown < 16 * MIB, "{grown} bytes for {} promises", clients.len());
    // The allocator takes 64 MiB for each thread.
    let reserved = server.reserved().saturating_sub(reserved);
    assert!(reserved < 1024 * MIB, "{reserved} bytes reserved");
}

#[test]
fn nothing_can_be_nested() {
    let server = Ours::start(|_| {});
    let mut client = Client::connect(server.address);
    client.send(&b"*1\r\n".repeat(200_000));
    assert_eq!(last_words(client), "-ERR Protocol error: expected '$', got '*'\r\n");
}

#[test]
fn requests_above_the_limits() {
    let server = Ours::start(|config| {
        config.max_request = 1000;
        config.max_arguments = 10;
    });
    let long = [b'x'; 600];
    let many: Vec<_> = (0..11).map(|_| "x").collect();
    for (request, text) in [
        (request(&[&b"ECHO"[..], &[b'x'; 1001]]), "invalid bulk length"),
        (request(&[&b"MSET"[..], &long, &long]), "request exceeds 1000 bytes"),
        (request(&many), "invalid multibulk length"),
    ] {
        let mut client = Client::connect(server.address);
        client.send(&request);
        assert_eq!(last_words(client), format!("-ERR Protocol error: {text}\r\n"));
    }
    let mut client = Client::connect(server.address);
    assert_eq!(client.ask(&[&b"SET"[..], b"k", &long]), b"+OK\r\n");
    let text = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    assert_eq!(client.ask(&[&b"APPEND"[..], b"k", &long]), text.as_bytes());
    assert_eq!(client.say("SETRANGE k 1000 x"), text);
    assert_eq!(client.say("STRLEN k"), ":600\r\n");
}

#[test]
fn half_a_request_and_then_nothing() {
    let server = Ours::start(|config| config.idle_timeout = Duration::from_millis(300));
    for start in [&b"*"[..], b"*2\r\n$4\r\nEC", b"ECHO"] {
        let mut client = Client::connect(server.address);
        client.send(start);
        assert_eq!(last_words(client), "-ERR request not complete in time\r\n");
    }
    for whole in [&b""[..], b"PING\r\n"] {
        let mut client = Client::connect(server.address);
        client.send(whole);
        let expected = if whole.is_empty() { "" } else { "+PONG\r\n" };
        assert_eq!(last_words(client), expected, "there is nothing that an error could answer");
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_takes_no_longer_than_any() {
    let server = Ours::start(|config| config.idle_timeout = Duration::from_millis(500));
    let mut client = Client::connect(server.address);
    let mut writer = client.stream.try_clone().unwrap();
    let start = Instant::now();
    let dripping = thread::spawn(move || {
        // Ends when the server has hung up.
        while writer.write_all(b"x").is_ok() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut text = [0; 35];
    client.stream.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"-ERR request not complete in time\r\n");
    assert!(start.elapsed() < PATIENCE / 2);
    drop(client);
    dripping.join().unwrap();
}

#[test]
fn who_sends_requests_stays() {
    let server = Ours::start(|config| config.idle_timeout = Duration::from_millis(400));
    let mut client = Client::connect(server.address);
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(100));
        assert_eq!(client.say("PING"), "+PONG\r\n");
    }
}

#[test]
fn who_does_not_read_gets_no_more_done() {
    let server = Process::start(&["--idle-timeout", "3"]);
    let mut witness = Client::connect(server.address);
    let value = vec![b'v'; 4 * MIB];
    assert_eq!(witness.ask(&[&b"SET"[..], b"k", &value]), b"+OK\r\n");
    let before = server.resident();
    // 20 clients that want 400 MB each, and read nothing of it. Their requests come whole.
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(server.address)).collect();
    for client in &mut clients {
        client.send(&request(&["INCR", "begun"]));
        client.send(&request(&["GET", "k"]).repeat(100));
        client.send(&request(&["INCR", "done"]));
    }
    wait_for("all have begun", || witness.say("GET begun") == "$2\r\n20\r\n");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(witness.say("EXISTS done"), ":0\r\n");
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes for what nobody reads");
    wait_for("they are cut off", || witness.say("CLIENT LIST").matches("id=").count() == 1);
}

#[test]
fn connections_above_the_limit() {
    let server = Ours::start(|config| config.max_connections = 3);
    let mut clients: Vec<_> = (0..3).map(|_| Client::connect(server.address)).collect();
    for client in &mut clients {
        assert_eq!(client.say("PING"), "+PONG\r\n");
    }
    let refused = Client::connect(server.address);
    assert_eq!(last_words(refused), "-ERR max number of clients reached\r\n");
    clients.pop();
    wait_for("a place becomes free", || {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let mut text = [0; 7];
        let served = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut text));
        served.is_ok() && &text == b"+PONG\r\n"
    });
}

#[test]
fn buffers_of_all_connections_have_one_limit() {
    let server = Process::start(&["--max-buffers", "20971520"]);
    let mut witness = Client::connect(server.address);
    let before = server.resident();
    let (sent, refused): (Vec<_>, Vec<_>) = (0..40)
        .map(|_| {
            let mut client = Client::connect(server.address);
            // Most of a request. Whoever is refused meanwhile need not take it all.
            let mut bytes = b"*2\r\n$4\r\nECHO\r\n$2000000\r\n".to_vec();
            bytes.resize(MIB * 3 / 2, b'x');
            let _ = client.stream.write_all(&bytes);
            client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut text = String::new();
            let _ = client.stream.read_to_string(&mut text);
            (client, text)
        })
        .partition(|(_, text)| text.is_empty());
    assert!(sent.len() >= 3, "only {} have room", sent.len());
    assert!(refused.len() > 10, "only {} were refused", refused.len());
    for (_, text) in refused {
        assert_eq!(text, "-ERR no memory left for buffers\r\n");
    }
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 48 * MIB, "{grown} bytes");
    assert_eq!(witness.say("PING"), "+PONG\r\n");
    drop(sent);
    // What they held is free again.
    wait_for("there is room again", || {
        let mut client = Client::connect(server.address);
        client.ask(&[&b"ECHO"[..], &vec![b'x'; 2 * MIB]]).len() > 2 * MIB
    });
}

#[test]
fn replies_above_the_limit() {
    let server = Ours::start(|config| config.max_reply = 100_000);
    let mut client = Client::connect(server.address);
    for value in [vec![b'v'; 10_000], vec![b'v'; 20_000]] {
        client.ask(&[&b"SET"[..], b"k", &value]);
        assert!(client.ask(&[&b"MGET"[..], b"k", b"k"]).len() > 2 * value.len());
        let mut greedy = Client::connect(server.address);
        let args = ["MGET"].into_iter().chain(std::iter::repeat_n("k", 50));
        greedy.send(&request(&args.collect::<Vec<_>>()));
        assert_eq!(last_words(greedy), "-ERR reply exceeds 100000 bytes\r\n");
    }
    for number in 0..20_000 {
        client.send(&request(&["SET", &format!("key:{number}"), "v"]));
        client.reply();
    }
    let mut greedy = Client::connect(server.address);
    greedy.send(b"KEYS *\r\n");
    assert_eq!(last_words(greedy), "-ERR reply exceeds 100000 bytes\r\n");
}

#[test]
fn a_browser_is_hung_up_on() {
    let server = Ours::start(|_| {});
    for start in ["POST / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost:6379\r\n"] {
        let mut client = Client::connect(server.address);
        client.send(format!("{start}\r\nSET stolen 1\r\n").as_bytes());
        let mut said = Vec::new();
        // The request that was not read may reset the connection.
        let _ = client.stream.read_to_end(&mut said);
        assert!(!String::from_utf8_lossy(&said).contains("+OK"));
    }
    assert_eq!(Client::connect(server.address).say("EXISTS stolen"), ":0\r\n");
}

#[test]
fn patterns_that_are_dear_elsewhere() {
    let server = Ours::start(|_| {});
    let mut client = Client::connect(server.address);
    let key = vec![b'a'; 100_000];
    client.ask(&[&b"SET"[..], &key, b"v"]);
    for pattern in [
        [&b"*"[..], &vec![b'a'; 50_000], b"b"].concat(),
        [&b"*["[..], &vec![b'z'; 40_000], b"]"].concat(),
        [&b"*"[..], &vec![b'?'; 50_000], b"b"].concat(),
        [b"a*".repeat(5000), b"b".to_vec()].concat(),
    ] {
        // Redis takes 20 seconds for some of these.
        let start = Instant::now();
        assert_eq!(client.ask(&[&b"KEYS"[..], &pattern]), b"*0\r\n");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn stopping_answers_what_has_come_and_hangs_up() {
    let mut server = Ours::start(|_| {});
    let mut idle = Client::connect(server.address);
    let mut busy = Client::connect(server.address);
    assert_eq!(idle.say("PING"), "+PONG\r\n");
    busy.send(&request(&["INCR", "n"]).repeat(1000));
    for number in 1..=1000 {
        assert_eq!(busy.reply(), format!(":{number}\r\n").as_bytes());
    }
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(3), "nobody has to be waited for");
    assert_eq!(idle.last_words().unwrap(), b"");
    assert_eq!(busy.last_words().unwrap(), b"");
    assert!(TcpStream::connect(server.address).is_err(), "it still listens");
}

#[test]
fn stopping_does_not_wait_long_for_who_does_not_read() {
    let mut server = Ours::start(|_| {});
    let mut stuck = Client::connect(server.address);
    stuck.ask(&[&b"SET"[..], b"long", &vec![b'v'; 8 * MIB]]);
    stuck.send(&request(&["GET", "long"]).repeat(10));
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_client_that_is_killed() {
    let server = Ours::start(|_| {});
    let mut killer = Client::connect(server.address);
    let mut victim = Client::connect(server.address);
    let id = victim.say("CLIENT ID").trim_start_matches(':').trim_end().to_owned();
    assert_eq!(killer.say(&format!("CLIENT KILL ID {id}")), ":1\r\n");
    assert_eq!(victim.last_words().unwrap(), b"");
    assert_eq!(killer.say("CLIENT KILL TYPE normal SKIPME yes"), ":0\r\n");
    assert_eq!(killer.say("CLIENT KILL TYPE normal SKIPME no"), ":1\r\n");
    assert_eq!(killer.last_words().unwrap(), b"");
}

#[test]
fn the_signal_to_end() {
    let mut server = Process::start(&[]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.say("INCR n"), ":1\r\n");
    assert!(server.terminate());
    assert_eq!(client.last_words().unwrap(), b"");
}
