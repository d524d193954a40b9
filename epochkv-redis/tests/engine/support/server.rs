//! One redis-server.

use super::{free_port, unique, wait_until};
use redis::{Connection, FromRedisValue};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Starts the server and kills it when standard input ends: when this process closes it, or
/// is gone, however it went.
const KEEPER: &str =
    r#""$@" </dev/null >/dev/null 2>&1 & server=$!; read _; kill -9 "$server"; wait"#;

/// A running server, which ends with this value, also in a panic.
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    args: Vec<String>,
    keeper: Option<Child>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with more arguments. Another program may take the port first: then another one.
    pub fn start_with(args: &[&str]) -> Self {
        for _ in 0..5 {
            let server = Self::try_start(free_port(), args);
            if server.answers() {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    fn try_start(port: u16, args: &[&str]) -> Self {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(
            found.is_ok_and(|status| status.success()),
            "these tests need redis-server: apt-get install redis-server"
        );
        let name = format!("epochkv-redis-{}-{}", std::process::id(), unique());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a temporary folder");
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut server = Self { port, folder, args, keeper: None };
        server.launch();
        server
    }

    fn launch(&mut self) {
        let port = self.port.to_string();
        let fixed = [
            ["--port", &port],
            ["--bind", "127.0.0.1"],
            ["--logfile", "log"],
            ["--save", ""],
            ["--enable-debug-command", "local"],
        ];
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh", "redis-server", "--dir"]).arg(&self.folder);
        command.args(fixed.concat()).args(&self.args).stdin(Stdio::piped());
        self.keeper = Some(command.spawn().expect("a shell"));
    }

    /// Whether it answers before it ends or a few seconds have passed.
    fn answers(&self) -> bool {
        for _ in 0..500 {
            if self.is_ready() {
                return true;
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if log.contains("Failed listening on port") || log.contains("FATAL CONFIG") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Whether it has loaded its data, and the one that answers is not another program that
    /// has got the same port.
    fn is_ready(&self) -> bool {
        let Some(mut connection) = self.connect() else {
            return false;
        };
        let pong: Result<String, _> = redis::cmd("PING").query(&mut connection);
        let mut dir = redis::cmd("CONFIG");
        dir.arg("GET").arg("dir");
        let dir: Result<Vec<String>, _> = dir.query(&mut connection);
        let is_ours = |dir: Vec<String>| dir.get(1).is_some_and(|dir| self.folder.ends_with(dir));
        pong.is_ok_and(|pong| pong == "PONG") && dir.is_ok_and(is_ours)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    fn connect(&self) -> Option<Connection> {
        redis::Client::open(self.url()).ok()?.get_connection().ok()
    }

    /// Sends a command by a connection of its own.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        ask(&mut self.connect().expect("the server answers"), words)
    }

    /// Ends it at once, without a farewell.
    pub fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().expect("the keeper ends");
        }
    }

    /// Starts it again, with what it has on disk.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
        wait_until("a server that returns", || self.is_ready());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(15).collect();
            eprintln!("the server on port {} said last:", self.port);
            lines.iter().rev().for_each(|line| eprintln!("    {line}"));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Sends a command and reads the answer.
pub fn ask<T: FromRedisValue>(connection: &mut Connection, words: &[&str]) -> T {
    let mut cmd = redis::Cmd::new();
    words.iter().for_each(|word| _ = cmd.arg(word));
    cmd.query(connection).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}
