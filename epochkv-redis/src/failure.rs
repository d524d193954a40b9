//! What went wrong on the way to the engine and back.

use epochkv::{ErrorKind, StoreError, StoreErrorKind};
use redis::{RedisError, ServerError, ServerErrorKind};
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The commands have not left this process.
    NotSent(StoreError),
    /// The engine may have carried them out.
    Lost(StoreError),
}

impl Failure {
    /// The error for a call that only reads and cannot go on.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::NotSent(error) | Self::Lost(error) => error,
        }
    }
}

/// No connection could be made.
pub(crate) fn no_connection(node: &str, error: &RedisError) -> StoreError {
    let refused = matches!(error.kind(), redis::ErrorKind::Server(_) | redis::ErrorKind::Extension)
        || error.kind() == redis::ErrorKind::AuthenticationFailed;
    let kind = if refused { StoreErrorKind::Engine } else { StoreErrorKind::Unreachable };
    StoreError::new(kind, format!("no connection to {node}: {error}"))
}

/// A connection broke.
pub(crate) fn interrupted(node: &str, error: &RedisError) -> StoreError {
    let message = format!("the connection to {node} broke: {error}");
    StoreError::new(StoreErrorKind::Interrupted, message)
}

/// There was no answer in time.
pub(crate) fn timed_out(node: &str, timeout: Duration) -> StoreError {
    let message = format!("no answer from {node} within {timeout:?}");
    StoreError::new(StoreErrorKind::TimedOut, message)
}

/// What the engine says to one command.
pub(crate) enum Answer {
    /// It has not carried it out; somebody else will, or itself a little later.
    Elsewhere(Elsewhere),
    /// It does not know the script.
    NoScript,
    /// It refuses.
    Error(StoreError),
}

/// Where to try again.
pub(crate) enum Elsewhere {
    /// At the node that has the key's slot.
    Moved(String),
    /// At the node that the slot is just moving to, this once.
    Ask(String),
    /// Here or elsewhere, after a pause.
    Later(StoreError),
}

impl Answer {
    /// Reads an error of the engine, which has changed nothing then.
    pub(crate) fn of(error: ServerError) -> Self {
        let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
        let text = text.trim_end();
        let refused = |kind, message: &str| StoreError::new(kind, message);
        match error.kind() {
            Some(kind @ (ServerErrorKind::Moved | ServerErrorKind::Ask)) => {
                let node = error.details().and_then(|details| details.split_whitespace().nth(1));
                match (kind, node) {
                    (ServerErrorKind::Moved, Some(node)) => {
                        Self::Elsewhere(Elsewhere::Moved(node.to_owned()))
                    }
                    (_, Some(node)) => Self::Elsewhere(Elsewhere::Ask(node.to_owned())),
                    (_, None) => Self::Error(refused(StoreErrorKind::Engine, text)),
                }
            }
            Some(
                ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly,
            ) => Self::Elsewhere(Elsewhere::Later(refused(StoreErrorKind::Engine, text))),
            Some(ServerErrorKind::NoScript) => Self::NoScript,
            _ if text.contains("increment or decrement would overflow") => {
                Self::Error(ErrorKind::Overflow.into())
            }
            _ if text.contains("value is not an integer") => {
                Self::Error(ErrorKind::NotAnInteger.into())
            }
            _ if error.code() == "WRONGTYPE" => {
                let message = "the engine holds something that is no value, such as a list of its \
                               own";
                Self::Error(refused(StoreErrorKind::Undecodable, message))
            }
            _ => Self::Error(refused(StoreErrorKind::Engine, text)),
        }
    }
}
