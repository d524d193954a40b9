//! A server of ours, a server of Redis, and a client that sees the bytes of both.

// Each test uses its part.
#![allow(dead_code)]

use epochkv_server::{Config, Server};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// How long anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server of ours in this process. Dropping it stops it and waits for that.
pub struct Ours {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ours {
    pub fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.port = 0;
        change(&mut config);
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime.block_on(Server::bind(config)).expect("a free port");
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let running = async move {
            server.run(async { stopped.await.unwrap_or(()) }).await;
        };
        let thread = Some(thread::spawn(move || runtime.block_on(running)));
        Self { address, stop: Some(stop), thread }
    }

    /// Tells the server to stop and waits until it has.
    pub fn stop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process of the server's own, so that its memory can be told from the test's. Dropping
/// it ends it.
pub struct Process {
    pub address: SocketAddr,
    process: Child,
}

impl Process {
    pub fn start(options: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_epochkv-server"))
            .args(["--port", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server was built");
        let mut line = String::new();
        let out = process.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().strip_prefix("epochkv-server listens on ");
        let address = address.and_then(|it| it.parse().ok());
        Self { address: address.unwrap_or_else(|| panic!("it says {line}")), process }
    }

    /// Its resident memory.
    pub fn resident(&self) -> usize {
        self.memory(1)
    }

    /// Its address space: what it has asked the system for, touched or not.
    pub fn reserved(&self) -> usize {
        self.memory(0)
    }

    fn memory(&self, field: usize) -> usize {
        let statm = format!("/proc/{}/statm", self.process.id());
        let statm = std::fs::read_to_string(statm).expect("a Linux system");
        let pages: usize = statm.split(' ').nth(field).unwrap().parse().unwrap();
        pages * 4096
    }

    /// Sends it the signal that asks to end, and returns whether it ends well.
    pub fn terminate(&mut self) -> bool {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("there is a kill command").success());
        self.process.wait().expect("it can be waited for").success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has no data that it could lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process of redis-server. Dropping it ends it.
pub struct Redis {
    pub address: SocketAddr,
    process: Child,
}

impl Redis {
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let address = free.expect("a free port");
        let port = address.port().to_string();
        // As ours: one database, nothing on disk, values of up to 64 MiB.
        let process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--databases", "1"])
            .args(["--proto-max-bulk-len", "64mb"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (apt-get install redis-server)");
        let redis = Self { address, process };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < PATIENCE, "redis-server does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        redis
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It has no data that it could lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection.
pub struct Client {
    pub stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, received: Vec::new() }
    }

    /// Sends a request and returns the bytes of the reply.
    pub fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Vec<u8> {
        self.send(&request(args));
        self.reply()
    }

    /// As `ask`, with a request of plain words.
    pub fn say(&mut self, words: &str) -> String {
        let args: Vec<_> = words.split(' ').collect();
        String::from_utf8_lossy(&self.ask(&args)).into_owned()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// The bytes of the next reply.
    pub fn reply(&mut self) -> Vec<u8> {
        loop {
            if let Some(len) = reply_len(&self.received) {
                let rest = self.received.split_off(len);
                return std::mem::replace(&mut self.received, rest);
            }
            let mut chunk = [0; 64 * 1024];
            let read = self.stream.read(&mut chunk).expect("a reply in time");
            let so_far = self.received.escape_ascii();
            assert!(read > 0, "the connection ended after \"{so_far}\"");
            self.received.extend_from_slice(&chunk[..read]);
        }
    }

    /// All that comes until the server hangs up.
    pub fn last_words(mut self) -> io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.received)?;
        Ok(self.received)
    }
}

/// A request as clients send it.
pub fn request<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        bytes.extend(format!("${}\r\n", arg.len()).into_bytes());
        bytes.extend(arg);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// The length of the reply that begins here, if it is whole.
pub fn reply_len(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let after = line + 2;
    let number = || -> i64 {
        let text = std::str::from_utf8(&bytes[1..line]).expect("a length");
        text.parse().expect("a length")
    };
    let items =
        |count: i64| (0..count).try_fold(after, |at, _| Some(at + reply_len(bytes.get(at..)?)?));
    match bytes[0] {
        b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => Some(after),
        b'$' | b'=' => match usize::try_from(number()) {
            Ok(len) => (bytes.len() >= after + len + 2).then_some(after + len + 2),
            Err(_) => Some(after),
        },
        b'*' | b'~' | b'>' => items(number()),
        b'%' => items(number() * 2),
        other => panic!("a reply that begins with {other}"),
    }
}

/// The items of an array of strings.
pub fn strings(reply: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(reply.first(), Some(&b'*'), "{}", reply.escape_ascii());
    let line = |bytes: &[u8]| bytes.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
    let mut rest = &reply[line(reply)..];
    let mut items = Vec::new();
    while !rest.is_empty() {
        let len = reply_len(rest).expect("a whole item");
        items.push(rest[line(rest)..len - 2].to_vec());
        rest = &rest[len..];
    }
    items
}
