//! The server: listens, and gives every client a task.

use crate::config::Config;
use crate::connection::serve;
use crate::shared::Shared;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long clients may take to read their last replies when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// The pause after a connection could not be accepted, as when there are no more file
/// descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that listens.
///
/// ```
/// use epochkv_server::{Config, Server};
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// let mut config = Config::default();
/// config.port = 0;
/// let server = runtime.block_on(Server::bind(config))?;
/// let address = server.address();
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let running = runtime.spawn(server.run(async { stopped.await.unwrap_or(()) }));
///
/// let mut client = TcpStream::connect(address)?;
/// client.write_all(b"SET greeting hello\r\nGET greeting\r\n")?;
/// let mut replies = [0; 16];
/// client.read_exact(&mut replies)?;
/// assert_eq!(&replies, b"+OK\r\n$5\r\nhello\r\n");
///
/// drop(stop);
/// runtime.block_on(running).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens, with an empty store. Clients are served by [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, or the sweeper's thread cannot be started.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((config.bind, config.port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, address.port())?);
        Ok(Self { listener, address, shared })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves clients until `stop` is ready. Then it accepts no more, answers what it
    /// has received, and hangs up; clients that do not read are cut off after some seconds.
    ///
    /// Runs on tokio's multi-threaded runtime.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => self.welcome(stream, address, &mut tasks),
                    Err(_) => sleep(PAUSE).await,
                },
                () = &mut stop => break,
            }
            // Forgets the tasks that have ended.
            while tasks.try_join_next().is_some() {}
        }
        drop(self.listener);
        self.shared.clients.end_all();
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(GRACE, all).await.is_err() {
            tasks.shutdown().await;
        }
    }

    fn welcome(&self, mut stream: TcpStream, address: SocketAddr, tasks: &mut JoinSet<()>) {
        let shared = Arc::clone(&self.shared);
        if shared.clients.len() >= shared.config.max_connections {
            shared.figures.rejected.add(1);
            tasks.spawn(async move {
                let text = b"-ERR max number of clients reached\r\n";
                // A new connection has room for this; whoever has gone misses nothing.
                let _ = timeout(PAUSE, stream.write_all(text)).await;
            });
            return;
        }
        shared.figures.connections.add(1);
        // Replies are written whole, so there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(self.address);
        let membership = shared.clients.join(address, local);
        tasks.spawn(serve(stream, shared, membership));
    }
}
