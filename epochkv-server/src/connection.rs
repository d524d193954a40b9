//! One connection: reads requests, carries them out in order, sends the replies.

use crate::budget::Share;
use crate::client::Membership;
use crate::command::{Call, Replies, Session};
use crate::config::Config;
use crate::protocol::{Args, Parser, Reply};
use crate::shared::Shared;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// Room for one read. Also what a buffer shrinks back to.
const READ: usize = 16 * 1024;

/// Room that is made at once for an argument that is known to be long.
const LONG_READ: usize = 1 << 20;

/// Replies are sent when there are so many bytes of them, before more requests are
/// carried out: a client that does not read gets no more done.
const SEND: usize = 64 * 1024;

/// What is written in one go, in the time that a client may take.
const PART: usize = 1 << 20;

/// How long a client that was refused may take to hang up.
const LINGER: Duration = Duration::from_secs(1);

/// Stands for no timeout.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Why a connection ends.
enum End {
    /// The client has said so, or hung up, or is told to go.
    Asked,
    /// With this error.
    Refused(String),
    /// Without a word.
    Cut,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Cut
    }
}

/// A connection and all that it holds.
struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    membership: Membership,
    session: Session,
    buffer: BytesMut,
    parser: Parser,
    reply: Reply,
    share: Share,
    patience: Duration,
}

/// Serves a client until one of both has enough.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>, membership: Membership) {
    let client = Arc::clone(&membership.client);
    let idle = shared.config.idle_timeout;
    let mut connection = Connection {
        session: Session { client, replies: Replies::All, is_over: false },
        buffer: BytesMut::new(),
        parser: Parser::new(shared.config.limits()),
        reply: Reply::new(shared.config.max_reply),
        share: shared.budget.share(),
        patience: if idle.is_zero() { FOREVER } else { idle },
        stream,
        shared,
        membership,
    };
    if let Err(End::Refused(text)) = connection.converse().await {
        connection.refuse(&text).await;
    }
}

impl Connection {
    async fn converse(&mut self) -> Result<(), End> {
        let mut deadline = Instant::now() + self.patience;
        let mut sleep = pin!(sleep_until(deadline));
        loop {
            if self.carry_out().await? {
                deadline = Instant::now() + self.patience;
            }
            self.send().await?;
            if self.session.is_over {
                return Err(End::Asked);
            }
            self.make_room()?;
            let read = loop {
                tokio::select! {
                    biased;
                    read = self.stream.read_buf(&mut self.buffer) => break read?,
                    () = self.membership.client.end.notified() => return Err(End::Asked),
                    () = &mut sleep => {
                        // It was set for an earlier request.
                        if Instant::now() >= deadline {
                            // Who has asked for nothing would take an error for the
                            // answer to what it asks for next.
                            return Err(if self.buffer.is_empty() {
                                End::Asked
                            } else {
                                End::Refused("ERR request not complete in time".into())
                            });
                        }
                        sleep.as_mut().reset(deadline);
                    }
                }
            };
            if read == 0 {
                return Err(End::Asked);
            }
            self.shared.figures.read.add(read);
        }
    }

    /// Carries out the requests that are complete. Returns whether there were any.
    async fn carry_out(&mut self) -> Result<bool, End> {
        let (mut done, mut last) = (0, "");
        let outcome = loop {
            match self.parser.parse(&self.buffer) {
                Err(error) => break Err(End::Refused(format!("ERR {error}"))),
                Ok(None) => break Ok(()),
                Ok(Some(len)) => {
                    if let Some(command) = self.execute()? {
                        last = command;
                    }
                    done += 1;
                    self.parser.next();
                    self.buffer.advance(len);
                }
            }
            if self.session.is_over {
                break Ok(());
            }
            if self.reply.len() >= SEND {
                self.send().await?;
            }
        };
        if done > 0 {
            self.shared.figures.commands.add(done);
            self.session.client.hear(last);
        }
        outcome.map(|()| done > 0)
    }

    /// Carries out the request at the beginning of the buffer. Returns the name of the
    /// command.
    fn execute(&mut self) -> Result<Option<&'static str>, End> {
        let args = self.parser.args(&self.buffer);
        if args.is_empty() {
            return Ok(None);
        }
        if is_http(args) {
            return Err(End::Cut);
        }
        let (replies, mark) = (self.session.replies, self.reply.mark());
        let reply = &mut self.reply;
        let mut call = Call { args, shared: &self.shared, session: &mut self.session, reply };
        let command = call.run();
        match (replies, self.session.replies) {
            (Replies::AllButNext, Replies::AllButNext) => {
                self.reply.truncate(mark);
                self.session.replies = Replies::All;
            }
            (Replies::None, Replies::None) => self.reply.truncate(mark),
            _ => {}
        }
        if self.reply.overflowed() {
            let limit = self.shared.config.max_reply;
            // Nothing was sent of the replies that wait, so the error is in their place.
            return Err(End::Refused(format!("ERR reply exceeds {limit} bytes")));
        }
        Ok(command.map(|command| command.name))
    }

    /// Sends the replies that wait.
    async fn send(&mut self) -> Result<(), End> {
        if self.reply.is_empty() {
            return Ok(());
        }
        self.hold(self.buffer.capacity())?;
        for part in self.reply.parts().flat_map(|part| part.chunks(PART)) {
            let mut write = pin!(timeout(self.patience, self.stream.write_all(part)));
            loop {
                tokio::select! {
                    biased;
                    written = &mut write => {
                        // Whoever does not read what is sent does not read why it ends.
                        written.map_err(|_| End::Cut)??;
                        break;
                    }
                    () = self.membership.client.end.notified() => {
                        if self.membership.client.is_killed() {
                            return Err(End::Cut);
                        }
                        // What has been asked for is still answered.
                        self.session.is_over = true;
                    }
                }
            }
            self.shared.figures.written.add(part.len());
        }
        self.reply.clear();
        Ok(())
    }

    /// Makes room for the next read.
    fn make_room(&mut self) -> Result<(), End> {
        if self.buffer.is_empty() && self.buffer.capacity() > Config::FREE_BUFFER {
            self.buffer = BytesMut::new();
        }
        let more = self.parser.wanted(self.buffer.len()).clamp(READ, LONG_READ);
        if self.buffer.capacity() - self.buffer.len() < more.min(READ) {
            // Growing at least doubles, so that a long request is not copied often.
            let more = more.max(self.buffer.len());
            self.hold(self.buffer.len() + more)?;
            self.buffer.reserve(more);
        }
        self.hold(self.buffer.capacity())
    }

    /// Takes from the budget what the connection holds with so large a buffer.
    fn hold(&mut self, buffer: usize) -> Result<(), End> {
        if self.share.resize(buffer + self.parser.held() + self.reply.len()) {
            return Ok(());
        }
        Err(End::Refused("ERR no memory left for buffers".into()))
    }

    /// Ends the connection with an error. The client gets to read it: what it has sent is
    /// taken in for a while, because hanging up on unread bytes would take the error back.
    async fn refuse(&mut self, text: &str) {
        let mut reply = Reply::new(usize::MAX);
        reply.error(text.as_bytes());
        let (stream, waiting) = (&mut self.stream, &self.reply);
        let overflowed = waiting.overflowed();
        let parts = waiting.parts().filter(|_| !overflowed).chain(reply.parts());
        let farewell = async {
            for part in parts {
                stream.write_all(part).await?;
            }
            stream.shutdown().await?;
            let mut unread = [0; 4096];
            while stream.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        // If it fails, the connection is gone anyway.
        let _ = timeout(LINGER, farewell).await;
        self.shared.figures.errors.add(1);
    }
}

/// Whether this is a web browser that was made to talk to us: a line of a POST request, or
/// the header that every request has.
fn is_http(args: Args<'_>) -> bool {
    let name = args.get(0).unwrap_or_default();
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}
