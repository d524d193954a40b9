//! One server: a connection that all callers share, made anew after it has ended.
//!
//! What matters here is to know whether a command may have reached the server. So commands
//! are never sent again here, and connecting and sending are two steps with two kinds of
//! failure.

use crate::failure::{self, Failure};
use crate::slots::NodeName;
use epochkv::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, PushInfo, PushKind, Value};
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// For so long after a connection could not be made, nobody tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// A server.
pub(crate) struct Node {
    name: NodeName,
    client: Client,
    timeout: Duration,
    live: RwLock<Option<Live>>,
    /// Held by the one that connects. When and why it failed last.
    connecting: Mutex<Option<(Instant, StoreError)>>,
}

/// A connection.
#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    /// Whether the server has closed it, as far as is known.
    ended: Arc<AtomicBool>,
}

impl Node {
    pub(crate) fn new(name: NodeName, client: Client, timeout: Duration) -> Self {
        let (live, connecting) = (RwLock::default(), Mutex::default());
        Self { name, client, timeout, live, connecting }
    }

    /// Sends commands, all at once and in order, and waits for their answers: as many.
    pub(crate) async fn send(
        &self,
        commands: &Pipeline,
        deadline: Instant,
    ) -> Result<Vec<Value>, Failure> {
        let mut live = self.live(deadline).await.map_err(Failure::NotSent)?;
        let count = commands.len();
        let answers = live.connection.send_packed_commands(commands, 0, count);
        let answers = timeout_at(deadline, answers).await.map(|answers| {
            answers.and_then(|answers| match answers.len() == count {
                true => Ok(answers),
                false => {
                    Err((redis::ErrorKind::UnexpectedReturnType, "an answer is missing").into())
                }
            })
        });
        self.received(&live, answers)
    }

    /// Sends one command and waits for its answer.
    pub(crate) async fn send_one(&self, cmd: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        let mut live = self.live(deadline).await.map_err(Failure::NotSent)?;
        let answer = timeout_at(deadline, live.connection.send_packed_command(cmd)).await;
        self.received(&live, answer)
    }

    /// Whatever came of sending. Where it went wrong, the connection is of no more use.
    fn received<T>(
        &self,
        used: &Live,
        answer: Result<redis::RedisResult<T>, Elapsed>,
    ) -> Result<T, Failure> {
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => failure::interrupted(&self.name, &error),
            // It may have died without a word.
            Err(_) => failure::timed_out(&self.name, self.timeout),
        };
        self.forget(used);
        Err(Failure::Lost(error))
    }

    /// The connection, made if there is none.
    async fn live(&self, deadline: Instant) -> Result<Live, StoreError> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let connected = timeout_at(deadline, async {
            let mut failed = self.connecting.lock().await;
            if let Some(live) = self.current() {
                return Ok(live);
            }
            if let Some((_, error)) = failed.as_ref().filter(|(when, _)| when.elapsed() < PAUSE) {
                return Err(error.clone());
            }
            match self.connect().await {
                Ok(live) => {
                    *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
                    *failed = None;
                    Ok(live)
                }
                Err(error) => {
                    let error = failure::no_connection(&self.name, &error);
                    *failed = Some((Instant::now(), error.clone()));
                    Err(error)
                }
            }
        });
        connected.await.unwrap_or_else(|_| Err(failure::timed_out(&self.name, self.timeout)))
    }

    async fn connect(&self) -> redis::RedisResult<Live> {
        let ended = Arc::new(AtomicBool::new(false));
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(None);
        let protocol = self.client.get_connection_info().redis_settings().protocol();
        if protocol != redis::ProtocolVersion::RESP2 {
            let ended = Arc::clone(&ended);
            config = config.set_push_sender(move |push: PushInfo| {
                // Relaxed: whoever misses it sends in vain, and learns of it then.
                if push.kind == PushKind::Disconnection {
                    ended.store(true, Ordering::Relaxed);
                }
                Ok::<(), Infallible>(())
            });
        }
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Live { connection, ended })
    }

    fn current(&self) -> Option<Live> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.as_ref().filter(|live| !live.ended.load(Ordering::Relaxed)).cloned()
    }

    /// Lets the next caller make a new connection, unless there is one already.
    fn forget(&self, used: &Live) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.take_if(|live| Arc::ptr_eq(&live.ended, &used.ended));
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.name).finish()
    }
}
