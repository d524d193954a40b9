//! `epochkv-server`: the command line.

use clap::Parser;
use epochkv_server::{Config, Server};
use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Builder;

/// A server that speaks the Redis protocol on the store epochkv.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Address to listen on; there are no passwords
    #[arg(long, default_value_t = Config::default().bind)]
    bind: IpAddr,
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = Config::default().port)]
    port: u16,
    /// Threads that serve clients [default: as many as cores]
    #[arg(long)]
    threads: Option<std::num::NonZeroUsize>,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = Config::default().max_connections)]
    max_connections: usize,
    /// Bytes of one request, and so of one value
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_request)]
    max_request: usize,
    /// Arguments of one request
    #[arg(long, value_name = "N", default_value_t = Config::default().max_arguments)]
    max_arguments: usize,
    /// Bytes that wait for one client to read them
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_reply)]
    max_reply: usize,
    /// Bytes of unfinished requests and unread replies of all clients together
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_buffers)]
    max_buffers: usize,
    /// Seconds that a client may take for a request; 0 for as long as it likes
    #[arg(long, value_name = "SECONDS", default_value_t = Config::default().idle_timeout.as_secs())]
    idle_timeout: u64,
}

impl Options {
    fn config(&self) -> Config {
        let mut config = Config::default();
        config.bind = self.bind;
        config.port = self.port;
        config.max_connections = self.max_connections;
        config.max_request = self.max_request;
        config.max_arguments = self.max_arguments;
        config.max_reply = self.max_reply;
        config.max_buffers = self.max_buffers;
        config.idle_timeout = Duration::from_secs(self.idle_timeout);
        config
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("epochkv-server: {}:{}: {error}", options.bind, options.port);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = options.threads {
        builder.worker_threads(threads.get());
    }
    let runtime = builder.enable_all().build()?;
    runtime.block_on(async {
        let server = Server::bind(options.config()).await?;
        say(&format!("epochkv-server listens on {}", server.address()));
        if !options.bind.is_loopback() {
            eprintln!("warning: there are no passwords; whoever can reach this address gets in");
        }
        let stop = stop()?;
        server.run(stop).await;
        say("epochkv-server stops");
        Ok(())
    })
}

/// Prints a line. That nobody listens is no reason to end.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Ready when the process is told to stop.
#[cfg(unix)]
fn stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready when the process is told to stop.
#[cfg(not(unix))]
fn stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // An error means that nobody can tell it to.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
