//! Who sweeps: a thread, or a future.

use super::Kv;
use super::rounds::{OnExpire, Rounds};
use crate::key::Key;
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use core::convert::Infallible;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;
use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

/// A thread that sweeps a store; see [`Kv::start_sweeper`]. Dropping this ends it.
///
/// ```
/// use epochkv::Kv;
/// use std::time::Duration;
///
/// let kv = Kv::new();
/// let sweeper = kv.start_sweeper(Duration::from_millis(100))?;
/// // While the program runs.
/// drop(sweeper);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the sweeper ends when this is dropped"]
pub struct Sweeper {
    /// Nothing is ever sent: that it is gone is the signal.
    stop: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// Lets the thread run for as long as there is a handle to the store.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.start_sweeper(Duration::from_millis(100))?.detach();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn detach(mut self) {
        // The thread would take its end for the signal.
        core::mem::forget(self.stop.take());
        self.thread = None;
    }
}

impl Drop for Sweeper {
    /// Ends the thread and waits for that, unless this is the thread itself, as
    /// in its callback. This is the one call of the crate that waits: two sweepers whose
    /// callbacks drop each other's `Sweeper` wait for ever.
    fn drop(&mut self) {
        self.stop = None;
        let others = self.thread.take().filter(|it| it.thread().id() != thread::current().id());
        if let Some(thread) = others {
            // It catches the panics of foreign code.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper").finish_non_exhaustive()
    }
}

impl<K, S, C> Kv<K, S, C>
where
    K: Key + ?Sized,
    S: BuildHasher + Send + Sync + 'static,
    C: Clock,
{
    /// Starts a thread that gives back the memory of expired and removed entries
    /// without any traffic: every `tick`, and one epoch of the collector
    /// later. Expired entries are absent for every call with or without it.
    ///
    /// Each tick has a budget; where more is due the thread goes on after a
    /// short pause, so that many keys that expire at once stall nobody. It also
    /// lets a [`CachedClock`](crate::CachedClock) tick, and the table shrink. Between ticks
    /// it sleeps. 100 milliseconds are a good tick; less than one counts as one.
    ///
    /// The thread ends when the [`Sweeper`] is dropped, which waits for it, or within a tick
    /// after the last handle to the store. Several sweepers take turns.
    ///
    /// # Errors
    ///
    /// If the system has no thread to give.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// let sweeper = kv.start_sweeper(Duration::from_millis(1))?;
    /// kv.set_ex("flash", "saved", Duration::from_millis(5))?;
    /// while kv.len() > 0 {
    ///     std::thread::sleep(Duration::from_millis(1));
    /// }
    /// drop(sweeper);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_sweeper(&self, tick: Duration) -> io::Result<Sweeper> {
        self.spawn(tick, None)
    }

    /// As [`start_sweeper`](Self::start_sweeper), and calls `on_expire` with the key
    /// and last value of each entry that the sweeper removes, after it is gone.
    ///
    /// `on_expire` runs in the sweeper's thread, under no lock and no guard; it may call the
    /// store, drop the `Sweeper`, and take its time, at the expense of sweeping only. If it owns
    /// a handle to the store, that lives as long as the `Sweeper`. If it panics, the panic is
    /// caught and [counted](crate::Stats::callback_panics). Entries that another operation found
    /// expired first are not reported.
    ///
    /// # Errors
    ///
    /// As [`start_sweeper`](Self::start_sweeper).
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let kv = Kv::new();
    /// let (sender, expired) = mpsc::channel();
    /// let _sweeper = kv.start_sweeper_with(Duration::from_millis(1), move |key, value| {
    ///     let _ = sender.send((key.to_owned(), value.clone()));
    /// })?;
    /// kv.set_ex("session:7", "Ann", Duration::from_millis(5))?;
    /// let (key, value) = expired.recv()?;
    /// assert_eq!((key.as_str(), value.as_str()), ("session:7", Some("Ann")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_sweeper_with(
        &self,
        tick: Duration,
        on_expire: impl FnMut(&K, &Snapshot) + Send + 'static,
    ) -> io::Result<Sweeper> {
        self.spawn(tick, Some(Box::new(on_expire)))
    }

    fn spawn(&self, tick: Duration, on_expire: Option<OnExpire<K>>) -> io::Result<Sweeper> {
        let (stop, stopped) = mpsc::channel();
        let rounds = Rounds::new(self, tick, on_expire);
        let thread = thread::Builder::new()
            .name("epochkv-sweeper".into())
            .spawn(move || rounds.run(&stopped))?;
        Ok(Sweeper { stop: Some(stop), thread: Some(thread) })
    }
}

/// The sweeper as a future.
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
impl<K, S, C> Kv<K, S, C>
where
    K: Key + ?Sized,
    S: BuildHasher + Send + Sync + 'static,
    C: Clock,
{
    /// As [`start_sweeper`](Self::start_sweeper), without a thread: the future
    /// sweeps while it is polled, and sleeps by tokio's timer. Spawn it; it ends
    /// when it is dropped or aborted, or within a tick after the last handle to the store.
    ///
    /// One poll takes about a millisecond at most. Panics when it is polled
    /// outside of a tokio runtime with a timer.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// # #[cfg(feature = "tokio-test")]
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let kv = Kv::new();
    /// let sweeper = tokio::spawn(kv.run_sweeper(Duration::from_millis(100)));
    /// kv.set_ex("flash", "saved", Duration::from_millis(5))?;
    /// // While the server lives.
    /// sweeper.abort();
    /// # Ok::<(), epochkv::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_sweeper(
        &self,
        tick: Duration,
    ) -> impl Future<Output = ()> + Send + 'static + use<K, S, C> {
        Rounds::new(self, tick, None).run_by_timer()
    }

    /// As [`run_sweeper`](Self::run_sweeper), and calls `on_expire` as
    /// [`start_sweeper_with`](Self::start_sweeper_with) does.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// # #[cfg(feature = "tokio-test")]
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let kv = Kv::new();
    /// let (sender, expired) = std::sync::mpsc::channel();
    /// tokio::spawn(kv.run_sweeper_with(Duration::from_millis(1), move |key, _value| {
    ///     let _ = sender.send(key.to_owned());
    /// }));
    /// kv.set_ex("session:7", "Ann", Duration::from_millis(5))?;
    /// while kv.len() > 0 {
    ///     tokio::time::sleep(Duration::from_millis(1)).await;
    /// }
    /// assert_eq!(expired.try_recv()?, "session:7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_sweeper_with<F>(
        &self,
        tick: Duration,
        on_expire: F,
    ) -> impl Future<Output = ()> + Send + 'static + use<K, S, C, F>
    where
        F: FnMut(&K, &Snapshot) + Send + 'static,
    {
        Rounds::new(self, tick, Some(Box::new(on_expire))).run_by_timer()
    }
}
