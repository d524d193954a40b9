//! The examples behind one address of this machine.
//!
//! ```text
//! cargo run -p epochkv-web -- flags.txt
//!
//! curl -i -X POST -d Ann http://127.0.0.1:3000/session
//! curl -i http://127.0.0.1:3000/search
//! curl -i http://127.0.0.1:3000/hits
//! ```
//!
//! The file, which need not exist, names the flags that are on, one a line.

use epochkv::SystemClock;
use epochkv_web::{app, counters, flags, store};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> io::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "flags.txt".into());
    let kv = store(SystemClock::new());
    // Sessions and windows expire without it; it gives their memory back.
    tokio::spawn(kv.run_sweeper(Duration::from_millis(100)));
    tokio::spawn(flags::refresh_every(kv.clone(), Duration::from_secs(5), move || {
        flags_that_are_on(file.clone())
    }));
    let (sender, mut reports) = mpsc::channel(1);
    tokio::spawn(counters::report_every(kv.clone(), Duration::from_secs(10), sender));
    tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            println!("{report:?}");
        }
    });

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    let service = app(&kv).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(interrupted()).await
}

async fn flags_that_are_on(file: String) -> io::Result<BTreeMap<String, bool>> {
    let names = tokio::fs::read_to_string(file).await?;
    Ok(names.lines().map(|name| (name.trim().to_owned(), true)).collect())
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("no signal will end this: {error}");
        std::future::pending::<()>().await;
    }
}
