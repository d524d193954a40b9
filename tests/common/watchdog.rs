//! A limit on the time of a test body: a hang becomes a failure that has a name.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Runs `body` in a thread of its own and gives back its result, or its panic.
/// Panics if it takes longer than 10 seconds, times `EPOCHKV_PATIENCE` if that
/// is set: sanitizers slow things down.
pub fn watched<R: Send + 'static>(what: &str, body: impl FnOnce() -> R + Send + 'static) -> R {
    let patience = std::env::var("EPOCHKV_PATIENCE").ok().and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(10 * patience.unwrap_or(1));
    let (done, finished) = mpsc::channel();
    let worker = thread::spawn(move || {
        let result = body();
        // The receiver is gone if time is up; then nobody wants the result.
        let _ = done.send(());
        result
    });
    let outcome = finished.recv_timeout(limit);
    assert_ne!(outcome, Err(RecvTimeoutError::Timeout), "{what} takes more than {limit:?}");
    match worker.join() {
        Ok(result) => result,
        Err(panic) => {
            eprintln!("the panic above came from: {what}");
            std::panic::resume_unwind(panic)
        }
    }
}
