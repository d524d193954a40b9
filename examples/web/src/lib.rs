//! epochkv behind axum. Each module is one thing that servers keep in a store, small
//! enough to copy:
//!
//! - [`counters`]: requests are counted by a middleware and collected by a background task
//! - [`sessions`]: an extractor that keeps a session alive while it is used
//! - [`rate_limit`]: a middleware that answers 429 with `Retry-After`
//! - [`flags`]: feature flags that a background task refreshes
//!
//! `cargo run -p epochkv-web` serves all of them. The tests send requests to the same
//! routers without a network, and let the time pass by a `ManualClock`.

pub mod counters;
pub mod flags;
pub mod rate_limit;
pub mod sessions;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use epochkv::{Clock, DefaultHashBuilder, Kv};
use rate_limit::Limiter;
use std::sync::Arc;
use std::time::Duration;

/// The store of the whole server. The clock is chosen at run time: the system's in the
/// program, a manual one in the tests.
pub type Store = Kv<str, DefaultHashBuilder, Arc<dyn Clock>>;

/// A store with this clock.
pub fn store(clock: impl Clock) -> Store {
    Kv::builder().clock(Arc::new(clock) as Arc<dyn Clock>).build()
}

/// Everything together: what the program serves.
pub fn app(kv: &Store) -> Router {
    let limiter = Limiter::new(kv.clone(), 100, Duration::from_secs(60));
    Router::new()
        .merge(sessions::routes(kv.clone()))
        .merge(flags::routes(kv.clone()))
        .merge(counters::routes(kv.clone()))
        .route_layer(from_fn_with_state(kv.clone(), counters::count))
        .layer(from_fn_with_state(limiter, rate_limit::limit))
        .layer(map_response(no_store))
}

/// What the handlers answer is of this moment: nobody should keep it.
async fn no_store(mut response: Response) -> Response {
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

/// A refusal of the store, as an answer to a client.
#[derive(Debug)]
pub struct Failure(epochkv::Error);

impl From<epochkv::Error> for Failure {
    fn from(error: epochkv::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    /// The handlers here write keys and values of their own making, so a refusal is no
    /// fault of the client.
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", self.0)).into_response()
    }
}
