//! Requests to the examples' routers, without a network and without a wait: deadlines
//! are those of a manual clock, and periods those of tokio's paused time.

mod counters;
mod flags;
mod rate_limit;
mod sessions;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use epochkv::ManualClock;
use epochkv_web::Store;
use http_body_util::BodyExt;
use std::net::SocketAddr;
use tower::ServiceExt;

/// The whole server, as one client meets it.
struct World {
    kv: Store,
    clock: ManualClock,
    app: Router,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new();
        let kv = epochkv_web::store(clock.clone());
        let app = epochkv_web::app(&kv);
        Self { kv, clock, app }
    }

    async fn send(&self, method: Method, path: &str) -> Answer {
        self.request(Request::builder().method(method).uri(path), "").await
    }

    async fn request(&self, request: axum::http::request::Builder, body: &'static str) -> Answer {
        self.request_from("192.0.2.1:4000", request, body).await
    }

    async fn request_from(
        &self,
        client: &str,
        request: axum::http::request::Builder,
        body: &'static str,
    ) -> Answer {
        let client: SocketAddr = client.parse().unwrap();
        let app = self.app.clone().layer(MockConnectInfo(client));
        let response = app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.into()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
