//! Sessions with a sliding time to live.

use super::World;
use axum::http::{Method, Request, StatusCode};
use epochkv_web::sessions::IDLE;
use std::time::Duration;

const ALMOST: Duration = IDLE.saturating_sub(Duration::from_millis(1));

/// Begins a session; returns its cookie as a browser sends it back.
async fn begin(world: &World, user: &'static str) -> String {
    let answer = world.request(Request::post("/session"), user).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let cookie = answer.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

async fn show(world: &World, cookie: &str) -> Result<String, StatusCode> {
    let answer = world.request(Request::get("/session").header("cookie", cookie), "").await;
    if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(answer.status) }
}

#[tokio::test]
async fn a_session_lives_while_it_is_used() {
    let world = World::new();
    let cookie = begin(&world, "Ann").await;
    for _ in 0..5 {
        world.clock.advance(ALMOST);
        assert_eq!(show(&world, &cookie).await.unwrap(), "Ann\n");
    }
    world.clock.advance(IDLE);
    assert_eq!(show(&world, &cookie).await, Err(StatusCode::UNAUTHORIZED));
    // It does not come back.
    assert_eq!(show(&world, &cookie).await, Err(StatusCode::UNAUTHORIZED));
    assert_eq!(world.kv.keys("session:*"), [""; 0]);
}

#[tokio::test]
async fn users_have_their_own_sessions_and_end_them() {
    let world = World::new();
    let (ann, bob) = (begin(&world, "Ann").await, begin(&world, "Bob").await);
    assert_ne!(ann, bob);
    assert_eq!(show(&world, &bob).await.unwrap(), "Bob\n");
    let answer = world.request(Request::delete("/session").header("cookie", &ann), "").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(show(&world, &ann).await, Err(StatusCode::UNAUTHORIZED));
    assert_eq!(show(&world, &bob).await.unwrap(), "Bob\n");
}

#[tokio::test]
async fn a_stranger_has_no_session() {
    let world = World::new();
    begin(&world, "Ann").await;
    assert_eq!(world.send(Method::GET, "/session").await.status, StatusCode::UNAUTHORIZED);
    for cookie in ["session=", "session=*", "session=0123", "other=1"] {
        assert_eq!(show(&world, cookie).await, Err(StatusCode::UNAUTHORIZED), "{cookie}");
    }
}
