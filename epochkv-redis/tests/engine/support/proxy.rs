//! A connection that misbehaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What becomes of the server's answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// They go through.
    Pass,
    /// They wait.
    Stall,
    /// After so many more bytes the connection breaks, each one.
    CutAfter(usize),
    /// As `CutAfter`, but only one connection; then they go through.
    CutOnceAfter(usize),
}

/// Stands between a client and a server on this machine.
pub struct Proxy {
    pub port: u16,
    mode: Arc<Mutex<Mode>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let mode = Arc::new(Mutex::new(Mode::Pass));
        let shared = Arc::clone(&mode);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mode = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
                        relay(client, server, &mode).await;
                    }
                });
            }
        });
        Self { port, mode, accepting }
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().expect("not poisoned") = mode;
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, mode: &Mutex<Mode>) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let there = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(|_| ()) };
    let back = async {
        let mut buffer = [0; 4096];
        // Bytes that may still pass on this connection, once it is to be cut.
        let mut left = None;
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            while *mode.lock().expect("not poisoned") == Mode::Stall {
                sleep(Duration::from_millis(5)).await;
            }
            let pass = {
                let mut mode = mode.lock().expect("not poisoned");
                match *mode {
                    Mode::CutAfter(bytes) => Some(*left.get_or_insert(bytes)),
                    Mode::CutOnceAfter(bytes) => {
                        let bytes = *left.get_or_insert(bytes);
                        if bytes < count {
                            *mode = Mode::Pass;
                        }
                        Some(bytes)
                    }
                    _ => None,
                }
            };
            match pass {
                Some(bytes) if bytes < count => {
                    to_client.write_all(&buffer[..bytes]).await?;
                    to_client.flush().await?;
                    return Ok(());
                }
                _ => {
                    left = left.map(|left| left - count);
                    to_client.write_all(&buffer[..count]).await?;
                }
            }
        }
    };
    // Whichever ends first ends the connection.
    let _: std::io::Result<()> = tokio::select! {
        result = there => result,
        result = back => result,
    };
}
