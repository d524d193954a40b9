//! Counters that handlers and a background task share.
//!
//! Every request of a known route is counted by one atomic call. The task takes the
//! counts of each period away and hands them on. [`take`](epochkv::Kv::take) is exact: a
//! request is in one report, and in one only.

use crate::{Failure, Store};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Json, Router, routing::get};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

/// What one period has seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// The requests of each route.
    pub hits: BTreeMap<String, i64>,
    /// The sessions that are alive at its end.
    pub sessions: usize,
}

/// `GET /hits`: the counts that no report has taken yet.
pub fn routes(kv: Store) -> Router {
    Router::new().route("/hits", get(hits)).with_state(kv)
}

async fn hits(State(kv): State<Store>) -> Json<BTreeMap<String, i64>> {
    let counts = kv.scan_prefix("hits:");
    Json(counts.filter_map(|it| Some((route(it.key()), it.value().as_int()?))).collect())
}

/// A middleware that counts the requests of each route. The key is the route, not the
/// path that the client has chosen: so there are as many counters as routes.
pub async fn count(
    State(kv): State<Store>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    kv.incr(&format!("hits:{}", path.as_str()))?;
    Ok(next.run(request).await)
}

/// Sends a report at the end of every period, until nobody listens any more.
pub async fn report_every(kv: Store, period: Duration, reports: mpsc::Sender<Report>) {
    let mut periods = interval_at(Instant::now() + period, period);
    loop {
        periods.tick().await;
        if reports.send(collect(&kv)).await.is_err() {
            return;
        }
    }
}

fn collect(kv: &Store) -> Report {
    let mut hits = BTreeMap::new();
    for key in kv.keys("hits:*") {
        if let Some(count) = kv.take(&key).and_then(|count| count.as_int()) {
            hits.insert(route(&key), count);
        }
    }
    Report { hits, sessions: kv.scan_prefix("session:").count() }
}

fn route(key: &str) -> String {
    key.trim_start_matches("hits:").to_owned()
}
