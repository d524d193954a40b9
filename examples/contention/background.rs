//! The two background tasks: one refreshes the flag, one lists what is in the store.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use epochkv::Snapshot;

use crate::faults::Faults;
use crate::latency::{Operation, Recorder};
use crate::names::{self, Key, spell};
use crate::site::{FLAG_PERIOD, REPORT_PERIOD, ROUTES, Site};

/// What the refresher did.
#[derive(Debug)]
pub(crate) struct RefresherLog {
    pub(crate) recorder: Recorder,
    pub(crate) versions: u64,
    pub(crate) refusals: Faults,
}

/// Writes one flag version after the other until the site stops.
pub(crate) fn refresh_flag(site: &Site, recorder: Recorder) -> RefresherLog {
    let mut log = RefresherLog { recorder, versions: 0, refusals: Faults::default() };
    while pause(site, FLAG_PERIOD) {
        let version = log.versions + 1;
        let value = names::flag(version);
        let (answer, _) =
            log.recorder.time(Operation::SetFlag, || site.store.set(names::FLAG, value.as_str()));
        match answer {
            Ok(()) => {
                log.versions = version;
                // Release: pairs with `Handler::read_flag`, which must not read an older one.
                site.flag_version.store(version, Ordering::Release);
            }
            Err(error) => log.refusals.note(|| format!("set: {error}")),
        }
    }
    log
}

/// What the reporter saw.
#[derive(Debug)]
pub(crate) struct ReporterLog {
    pub(crate) recorder: Recorder,
    pub(crate) listings: u64,
    pub(crate) listing_faults: Faults,
    pub(crate) counter_reads: u64,
    pub(crate) counter_faults: Faults,
}

/// Lists keys by glob and reads the counters, again and again until the site stops.
pub(crate) fn report(site: &Site, recorder: Recorder) -> ReporterLog {
    let mut log = ReporterLog {
        recorder,
        listings: 0,
        listing_faults: Faults::default(),
        counter_reads: 0,
        counter_faults: Faults::default(),
    };
    let mut last = vec![0; 2 * ROUTES];
    loop {
        list_profiles(site, &mut log);
        read_counters(site, &mut log, &mut last);
        let (sessions, _) = log.recorder.time(Operation::ListKeys, || site.store.keys("session:*"));
        site.live_sessions.store(sessions.len() as u64, Ordering::Relaxed);
        if !pause(site, REPORT_PERIOD) {
            return log;
        }
    }
}

/// Profiles are never removed, so each listing must name every one of them once, in order.
fn list_profiles(site: &Site, log: &mut ReporterLog) {
    let (keys, _) = log.recorder.time(Operation::ListKeys, || site.store.keys("profile:*"));
    log.listings += 1;
    let mut expected = String::new();
    let wrong = keys
        .iter()
        .enumerate()
        .find(|(user, key)| key.as_str() != spell(&mut expected, Key::Profile { user: *user }));
    if wrong.is_some() || keys.len() != site.users {
        log.listing_faults.note(|| {
            format!(
                "listing {} had {} of {} profiles{}",
                log.listings,
                keys.len(),
                site.users,
                wrong.map_or(String::new(), |(at, key)| format!(", with {key} as number {at}"))
            )
        });
    }
}

/// Counters only grow, so no reading may be below the one before.
fn read_counters(site: &Site, log: &mut ReporterLog, last: &mut [i64]) {
    let mut key = String::new();
    for (index, last) in last.iter_mut().enumerate() {
        let route = index / 2;
        let name = match index % 2 {
            0 => Key::Hits { route },
            _ => Key::Bytes { route },
        };
        let key = spell(&mut key, name);
        let (found, _) = log.recorder.time(Operation::GetCounter, || site.store.get(key));
        log.counter_reads += 1;
        match found.as_ref().and_then(Snapshot::as_int) {
            Some(count) if count >= *last => *last = count,
            count => log.counter_faults.note(|| format!("{key} read as {count:?} after {last}")),
        }
    }
}

/// Waits in small steps, so that a stop is seen soon; false if the site has stopped.
fn pause(site: &Site, length: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(20);
    let start = Instant::now();
    while !site.stopped() {
        let left = length.saturating_sub(start.elapsed());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(STEP));
    }
    false
}
