//! Starts the threads, shows the progress bar, stops the threads and collects what they know.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::thread::{self, Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Args;
use crate::background::{self, RefresherLog, ReporterLog};
use crate::figures;
use crate::handler::{Handler, HandlerLog};
use crate::latency::Recorder;
use crate::site::Site;

/// Everything the threads brought home.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    pub(crate) threads: usize,
    pub(crate) handlers: Vec<HandlerLog>,
    pub(crate) refresher: Option<RefresherLog>,
    pub(crate) reporter: Option<ReporterLog>,
    /// One line for every thread that panicked.
    pub(crate) panics: Vec<String>,
}

/// Runs the traffic for as long as the arguments say.
pub(crate) fn run(site: &Site, args: &Args, seed: u64) -> Result<Outcome, String> {
    thread::scope(|scope| {
        // Also when this function returns early: the scope waits for threads already started.
        let _stop = StopOnDrop(site);
        let start = Instant::now();
        let mut handlers = Vec::with_capacity(args.threads);
        for id in 0..args.threads {
            let handler = Handler::new(site, id, seed, args.zipf)?;
            handlers.push(spawn(scope, format!("handler {id}"), move || handler.run())?);
        }
        let recorder = Recorder::new(site.origin)?;
        let refresher = spawn(scope, "flag refresher".into(), move || {
            background::refresh_flag(site, recorder)
        })?;
        let recorder = Recorder::new(site.origin)?;
        let reporter = spawn(scope, "reporter".into(), move || background::report(site, recorder))?;

        watch(site, args, start, || {
            refresher.is_finished()
                || reporter.is_finished()
                || handlers.iter().any(ScopedJoinHandle::is_finished)
        });
        let elapsed = start.elapsed();
        site.stop();

        let mut panics = Vec::new();
        Ok(Outcome {
            elapsed,
            threads: args.threads + 2,
            handlers: handlers.into_iter().filter_map(|handle| join(handle, &mut panics)).collect(),
            refresher: join(refresher, &mut panics),
            reporter: join(reporter, &mut panics),
            panics,
        })
    })
}

struct StopOnDrop<'a>(&'a Site);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Shows progress until the time is up, or until a thread ended that should not have.
fn watch(site: &Site, args: &Args, start: Instant, ended: impl Fn() -> bool) {
    const TICK: Duration = Duration::from_millis(50);
    let length = Duration::from_secs_f64(args.seconds);
    let bar = progress(args.quiet, length.as_millis(), "{bar:32} {msg}");
    loop {
        let elapsed = start.elapsed();
        if elapsed >= length || ended() {
            break;
        }
        let calls = site.calls.load(Ordering::Relaxed);
        bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        bar.set_message(format!(
            "{:.1} of {:.1} s, {} calls/s, {} sessions live",
            elapsed.as_secs_f64(),
            length.as_secs_f64(),
            figures::rate(calls, elapsed.as_secs_f64()),
            figures::count(site.live_sessions.load(Ordering::Relaxed)),
        ));
        thread::sleep(TICK.min(length - elapsed));
    }
    bar.finish_and_clear();
}

/// A bar on stderr; it draws nothing if that is not a terminal, or if `quiet`.
pub(crate) fn progress(quiet: bool, length: u128, template: &str) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Starts a named thread.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    body: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, String> {
    Builder::new()
        .name(name.clone())
        .spawn_scoped(scope, body)
        .map_err(|error| format!("cannot start thread '{name}': {error}"))
}

/// Waits for a thread; if it panicked, says so in `panics`.
pub(crate) fn join<T>(handle: ScopedJoinHandle<'_, T>, panics: &mut Vec<String>) -> Option<T> {
    let name = handle.thread().name().unwrap_or("thread").to_owned();
    match handle.join() {
        Ok(result) => Some(result),
        Err(payload) => {
            panics.push(format!("{name} panicked: {}", panic_text(&*payload)));
            None
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
