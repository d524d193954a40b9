//! A rate limit: so many requests in a window that begins with the first of them.
//!
//! Counting, the limit and the beginning of a window are one atomic call, so that no
//! request is admitted too many, and no window without an end can come about. The client
//! is told when its window ends.

use crate::{Failure, Store};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use epochkv::{Error, IncrOptions};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How many requests a client has.
#[derive(Clone, Debug)]
pub struct Limiter {
    kv: Store,
    count: IncrOptions,
}

impl Limiter {
    /// So many requests in each window.
    pub fn new(kv: Store, requests: i64, window: Duration) -> Self {
        Self { kv, count: IncrOptions::by(1).max(requests).ttl_on_create(window) }
    }

    /// `None` if the client has a request left, which is counted; otherwise the seconds
    /// until its window ends.
    fn refuse(&self, client: IpAddr) -> Result<Option<i64>, Error> {
        let key = key(client);
        if self.kv.incr_with(&key, &self.count)?.applied == 1 {
            return Ok(None);
        }
        // -2 if the window has ended just now: the client may come back at once.
        Ok(Some(self.kv.ttl(&key).max(0)))
    }
}

/// A client with IPv6 has a whole network of 64 bits.
fn key(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(client) => format!("limit:{client}"),
        IpAddr::V6(client) => format!("limit:{:x}", client.to_bits() >> 64),
    }
}

/// A middleware that answers 429 with `Retry-After` to a client that has no request left.
///
/// Clients are told apart by the address of the connection. Behind a proxy that is the
/// proxy's; then take the header that your proxy sets, and only if it removes those of
/// clients.
pub async fn limit(
    State(limiter): State<Limiter>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    Ok(match limiter.refuse(client.ip())? {
        None => next.run(request).await,
        Some(seconds) => {
            let retry_after = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, retry_after, "too many requests\n").into_response()
        }
    })
}
