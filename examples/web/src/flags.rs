//! Feature flags that a background task refreshes.
//!
//! All flags are one dict under one key. A refresh replaces it at one instant: no reader
//! sees some flags of the old state and some of the new one, and a flag that the source
//! has dropped is gone. If the source stays away for too long the dict expires, and all
//! flags are off.

use crate::Store;
use axum::extract::State;
use axum::{Router, routing::get};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;
use tokio::time::interval;

const KEY: &str = "flags";

/// So many refreshes in a row may fail before all flags are off.
const PATIENCE: u32 = 3;

/// `GET /search` answers in the new way if the flag `new-search` is on.
pub fn routes(kv: Store) -> Router {
    Router::new().route("/search", get(search)).with_state(kv)
}

/// Whether a flag is on; one that is not known is off. Reads the dict where it is: no
/// copy, no lock, and no count of references, however many requests ask at once.
pub fn is_on(kv: &Store, flag: &str) -> bool {
    kv.with(KEY, |flags| flags.get(flag).is_some_and(|on| *on == true)).unwrap_or(false)
}

/// Replaces all flags by what the source says, every period, the first time at once.
pub async fn refresh_every<F, L, E>(kv: Store, period: Duration, mut load: F)
where
    F: FnMut() -> L + Send,
    L: Future<Output = Result<BTreeMap<String, bool>, E>> + Send,
    E: Display,
{
    let mut periods = interval(period);
    loop {
        periods.tick().await;
        let flags = load().await.map_err(|error| error.to_string());
        let lifetime = period * (PATIENCE + 1);
        let stored = flags
            .and_then(|flags| kv.set_ex(KEY, flags, lifetime).map_err(|error| error.to_string()));
        if let Err(reason) = stored {
            eprintln!("the flags stay as they are: {reason}");
        }
    }
}

async fn search(State(kv): State<Store>) -> &'static str {
    if is_on(&kv, "new-search") { "the new search\n" } else { "the old search\n" }
}
