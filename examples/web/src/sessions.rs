//! Sessions with a sliding time to live.
//!
//! A handler that needs a session takes a [`Session`] as its argument. Reading the session
//! and setting its new deadline are one atomic call, so that a session that is used never
//! ends, and one that has ended does not come back.

use crate::{Failure, Store};
use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::{StatusCode, request::Parts};
use axum::routing::get;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use epochkv::Snapshot;
use std::time::Duration;
use uuid::Uuid;

/// How long a session lives after its last request.
pub const IDLE: Duration = Duration::from_secs(30 * 60);

const COOKIE: &str = "session";

/// `POST /session` with the name of a user begins a session, `GET` shows it, `DELETE`
/// ends it.
pub fn routes(kv: Store) -> Router {
    Router::new().route("/session", get(show).post(begin).delete(end)).with_state(kv)
}

/// A session that is alive.
#[derive(Debug)]
pub struct Session {
    key: String,
    /// Who it is of. A snapshot: it stays what it is while the handler waits for others.
    user: Snapshot,
}

impl FromRequestParts<Store> for Session {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, kv: &Store) -> Result<Self, StatusCode> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let cookie = cookies.get(COOKIE).ok_or(StatusCode::UNAUTHORIZED)?;
        let key = key(cookie.value());
        let user = kv.get_and_expire(&key, IDLE).ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(Self { key, user })
    }
}

fn key(name: &str) -> String {
    format!("session:{name}")
}

/// In a real server this comes after the look at a password.
async fn begin(
    State(kv): State<Store>,
    cookies: CookieJar,
    user: String,
) -> Result<(StatusCode, CookieJar), Failure> {
    let name = Uuid::new_v4().simple().to_string();
    kv.set_ex(&key(&name), user, IDLE)?;
    let cookie = Cookie::build((COOKIE, name))
        .path("/")
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Lax);
    Ok((StatusCode::CREATED, cookies.add(cookie)))
}

async fn show(session: Session) -> String {
    format!("{}\n", session.user)
}

async fn end(
    State(kv): State<Store>,
    session: Session,
    cookies: CookieJar,
) -> (StatusCode, CookieJar) {
    kv.delete(&session.key);
    (StatusCode::NO_CONTENT, cookies.remove(Cookie::build(COOKIE).path("/")))
}
