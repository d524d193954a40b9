//! Rate limits per client and window, and the ledger that checks them after the run.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::faults::Faults;
use crate::latency::Span;

/// Clients that are limited.
pub(crate) const CLIENTS: usize = 128;
/// Requests that one client may make in one window.
pub(crate) const LIMIT: i64 = 1_000;
/// The length of a window.
pub(crate) const WINDOW: Duration = Duration::from_millis(250);
/// The life of a window's counter, set when it is created. Longer than the window, because a
/// handler may be descheduled between choosing the window and counting in it.
pub(crate) const COUNTER_TTL: Duration = Duration::from_secs(2);

const WINDOW_NANOS: u64 = 250_000_000;
const COUNTER_TTL_NANOS: u64 = 2_000_000_000;
const RESOLUTION: u64 = 1_000_000;

/// The window that a reading of the clock falls into.
pub(crate) const fn window_at(nanos: u64) -> u64 {
    nanos / WINDOW_NANOS
}

/// What happened to one client in one window.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    admitted: u32,
    refused: u32,
    /// The highest count that the store returned.
    top: i64,
}

impl Tally {
    /// Every admission counted once, none beyond the limit, none refused while there was room.
    fn is_exact(&self) -> bool {
        let admitted = i64::from(self.admitted);
        admitted == self.top && admitted <= LIMIT && (self.refused == 0 || admitted == LIMIT)
    }
}

#[derive(Clone, Debug)]
struct Window {
    clients: Vec<Tally>,
    /// Somebody was held up for so long that the counter may have expired under the call.
    late: bool,
}

impl Window {
    fn new() -> Self {
        Self { clients: vec![Tally::default(); CLIENTS], late: false }
    }
}

/// The windows of all handlers, added up.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    windows: Mutex<BTreeMap<u64, Window>>,
}

/// What the ledger says at the end.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) windows: u64,
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
    pub(crate) wrong: Faults,
    /// Windows that prove nothing, because a thread slept for longer than their counters live.
    pub(crate) late: u64,
}

impl Ledger {
    /// Judges every client in every window.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (number, window) in self.windows.lock().iter() {
            if window.late {
                totals.late += 1;
                continue;
            }
            totals.windows += 1;
            for (client, tally) in window.clients.iter().enumerate() {
                totals.admitted += u64::from(tally.admitted);
                totals.refused += u64::from(tally.refused);
                if !tally.is_exact() {
                    totals.wrong.note(|| {
                        format!(
                            "client {client} in window {number}: {} admitted, counted up to {}, {} refused",
                            tally.admitted, tally.top, tally.refused
                        )
                    });
                }
            }
        }
        totals
    }
}

/// The window that one handler is in; entered into the ledger when it moves on.
#[derive(Debug)]
pub(crate) struct Tallies<'a> {
    ledger: &'a Ledger,
    number: u64,
    window: Window,
}

impl<'a> Tallies<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, number: 0, window: Window::new() }
    }

    /// One answer of the store: the count of `client` in window `number`.
    pub(crate) fn enter(
        &mut self,
        number: u64,
        client: usize,
        count: i64,
        admitted: bool,
        call: Span,
    ) {
        if number != self.number {
            self.flush();
            self.number = number;
        }
        let tally = &mut self.window.clients[client];
        tally.top = tally.top.max(count);
        if admitted {
            tally.admitted += 1;
        } else {
            tally.refused += 1;
        }
        let first_deadline = number * WINDOW_NANOS + COUNTER_TTL_NANOS;
        self.window.late |= call.end + RESOLUTION >= first_deadline;
    }

    /// Enters what is there into the ledger.
    pub(crate) fn flush(&mut self) {
        let window = std::mem::replace(&mut self.window, Window::new());
        let mut windows = self.ledger.windows.lock();
        let sum = windows.entry(self.number).or_insert_with(Window::new);
        sum.late |= window.late;
        for (sum, tally) in sum.clients.iter_mut().zip(window.clients) {
            sum.admitted = sum.admitted.saturating_add(tally.admitted);
            sum.refused = sum.refused.saturating_add(tally.refused);
            sum.top = sum.top.max(tally.top);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(admitted: u32, refused: u32, top: i64) -> bool {
        Tally { admitted, refused, top }.is_exact()
    }

    #[test]
    fn only_exact_windows_pass() {
        assert!(exact(0, 0, 0));
        assert!(exact(3, 0, 3));
        assert!(exact(1_000, 7, 1_000));
        assert!(!exact(3, 0, 2), "two callers were given the same count");
        assert!(!exact(3, 0, 4), "an admission was counted twice");
        assert!(!exact(999, 1, 999), "refused while there was room");
        assert!(!exact(1_001, 0, 1_001), "one too many");
    }

    #[test]
    fn windows_add_up_and_late_ones_are_left_out() {
        let ledger = Ledger::default();
        let mut one = Tallies::new(&ledger);
        let mut two = Tallies::new(&ledger);
        let call = Span { start: 0, end: 1 };
        one.enter(0, 5, 1, true, call);
        two.enter(0, 5, 2, true, call);
        one.enter(1, 5, 7, true, Span { start: 0, end: 3_000_000_000 });
        one.flush();
        two.flush();
        let totals = ledger.totals();
        assert_eq!((totals.windows, totals.late), (1, 1));
        assert_eq!((totals.admitted, totals.wrong.count), (2, 0));
    }
}
