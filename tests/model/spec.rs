//! The reference: one plain map, one plain clock, written from the specification.

use super::calls::{Answer, Call, Counting, Exact, Glob, Seen, TtlRule, added, exact, fillers};
use epochkv::{Change, Condition, ErrorKind, Expiry, Ttl, Value};
use std::collections::HashMap;
use std::time::Duration;

/// An entry. Every write gives it a new version, a new deadline too.
#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    /// In milliseconds.
    deadline: Option<u128>,
    version: u64,
}

/// What a snapshot remembers.
#[derive(Clone, Debug)]
struct Remembered {
    value: Value,
    version: u64,
}

#[derive(Default)]
pub struct Spec {
    entries: HashMap<Vec<u8>, Entry>,
    /// In nanoseconds.
    now: u128,
    versions: u64,
    remembered: Option<Remembered>,
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_))
}

/// The last instant of the clock, in nanoseconds.
const END: u128 = u64::MAX as u128;

/// The last deadline, in milliseconds.
const LAST_DEADLINE: u128 = i64::MAX as u128;

const NS_PER_MS: u128 = 1_000_000;

fn too_deep(value: &Value) -> bool {
    value.depth() > 128
}

impl Spec {
    fn is_live(&self, entry: &Entry) -> bool {
        entry.deadline.is_none_or(|end| self.now < end * NS_PER_MS)
    }

    fn live(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| self.is_live(entry))
    }

    fn value(&self, key: &[u8]) -> Option<Value> {
        self.live(key).map(|entry| entry.value.clone())
    }

    /// The first whole millisecond that is at least so far from now.
    fn after(&self, time: Duration) -> u128 {
        let ms = |ns: u128| ns.div_ceil(NS_PER_MS);
        (ms(self.now) + ms(time.as_nanos())).min(LAST_DEADLINE)
    }

    fn deadline(&self, ttl: Duration) -> Option<u128> {
        (!ttl.is_zero()).then(|| self.after(ttl))
    }

    fn put(&mut self, key: &[u8], value: Value, deadline: Option<u128>) {
        self.versions += 1;
        let version = self.versions;
        self.entries.insert(key.to_vec(), Entry { value, deadline, version });
    }

    fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let live = self.value(key);
        self.entries.remove(key);
        live
    }

    fn write(&mut self, key: &[u8], value: &Value, ttl: Duration, allowed: bool) -> Answer {
        if too_deep(value) {
            return Answer::Refused(ErrorKind::TooDeep);
        }
        if allowed {
            self.put(key, value.clone(), self.deadline(ttl));
        }
        Answer::Yes(allowed)
    }

    fn is_remembered(&self, key: &[u8]) -> bool {
        let (Some(entry), Some(seen)) = (self.live(key), &self.remembered) else { return false };
        match (is_scalar(&seen.value), is_scalar(&entry.value)) {
            (true, true) => seen.value.same(&entry.value),
            (false, false) => seen.version == entry.version,
            _ => false,
        }
    }

    fn count(&mut self, key: &[u8], by: i64) -> Answer {
        let old = match self.live(key) {
            None => (0, None),
            Some(Entry { value: Value::Int(old), deadline, .. }) => (*old, *deadline),
            Some(_) => return Answer::Refused(ErrorKind::NotAnInteger),
        };
        match old.0.checked_add(by) {
            Some(new) => {
                self.put(key, new.into(), old.1);
                Answer::Int(new)
            }
            None => Answer::Refused(ErrorKind::Overflow),
        }
    }

    /// Counting within bounds, with a rule for the deadline.
    fn count_bounded(&mut self, key: &[u8], counting: &Counting) -> Answer {
        let Counting { by, min, max, saturate, ttl } = *counting;
        if min > max {
            return Answer::Refused(ErrorKind::BadBounds);
        }
        let (old, deadline, created) = match self.live(key) {
            None => (0, None, true),
            Some(Entry { value: Value::Int(old), deadline, .. }) => (*old, *deadline, false),
            Some(_) => return Answer::Refused(ErrorKind::NotAnInteger),
        };
        let sum = i128::from(old) + i128::from(by);
        let bounded = sum.max(min.into()).min(max.into());
        if bounded != sum && !saturate {
            return Answer::Counted(old, 0);
        }
        let deadline = match ttl {
            TtlRule::OnCreate(ttl) if created => self.deadline(ttl),
            TtlRule::IfNone(ttl) if deadline.is_none() => self.deadline(ttl),
            TtlRule::Refresh(ttl) => self.deadline(ttl),
            _ => deadline,
        };
        let new = bounded as i64;
        self.put(key, new.into(), deadline);
        Answer::Counted(new, new.saturating_sub(old))
    }

    fn add_float(&mut self, key: &[u8], amount: f64) -> Answer {
        let (old, deadline) = match self.live(key) {
            None => (0.0, None),
            Some(Entry { value: Value::Int(old), deadline, .. }) => (*old as f64, *deadline),
            Some(Entry { value: Value::Float(old), deadline, .. }) => (*old, *deadline),
            Some(_) => return Answer::Refused(ErrorKind::NotANumber),
        };
        let new = old + amount;
        if !amount.is_finite() || !new.is_finite() {
            return Answer::Refused(ErrorKind::NotFinite);
        }
        self.put(key, new.into(), deadline);
        Answer::value(Some(new))
    }

    fn look(&self, key: &[u8]) -> Seen {
        let value = self.value(key);
        let (exists, deadline) = (value.is_some(), self.live(key).map(|entry| entry.deadline));
        let (expiry, ttl, ttl_ms) = match deadline {
            None => (Expiry::Missing, -2, -2),
            Some(None) => (Expiry::Never, -1, -1),
            Some(Some(end)) => {
                let left = (end - self.now.div_ceil(NS_PER_MS)).max(1);
                let short = |units| i64::try_from(units).unwrap_or(i64::MAX);
                let expiry = Expiry::In(Duration::from_millis(left as u64));
                (expiry, short(left.div_ceil(1000)), short(left))
            }
        };
        Seen { value: exact(value), exists, expiry, ttl, ttl_ms }
    }

    fn expire(&mut self, key: &[u8], after: Duration, condition: Condition) -> Option<Value> {
        let entry = self.live(key)?.clone();
        // No deadline counts as infinitely far.
        let (old, new) = (entry.deadline.unwrap_or(u128::MAX), self.after(after));
        let allowed = match condition {
            Condition::Always => true,
            Condition::IfNone => entry.deadline.is_none(),
            Condition::IfSome => entry.deadline.is_some(),
            Condition::IfLater => new > old,
            Condition::IfEarlier => new < old,
            Condition::IfSomeAndEarlier => entry.deadline.is_some() && new < old,
        };
        if !allowed {
            return None;
        }
        if after.is_zero() {
            return self.remove(key);
        }
        self.put(key, entry.value.clone(), Some(new));
        Some(entry.value)
    }

    fn update(&mut self, key: &[u8], change: &Change) -> Answer {
        let (old, deadline) = self
            .live(key)
            .map_or((None, None), |entry| (Some(entry.value.clone()), entry.deadline));
        let (value, deadline) = match change {
            Change::Keep => return Answer::value(old),
            Change::Remove => {
                self.remove(key);
                return Answer::value(None::<Value>);
            }
            Change::Set(value) => (value, deadline),
            Change::SetEx(value, ttl) => {
                // The only two that are drawn.
                let ttl = Duration::from_secs(u64::from(*ttl != Ttl::NEVER));
                (value, self.deadline(ttl))
            }
            _ => unreachable!("the model knows all changes"),
        };
        if too_deep(value) {
            return Answer::Refused(ErrorKind::TooDeep);
        }
        self.put(key, value.clone(), deadline);
        Answer::value(Some(value.clone()))
    }

    fn matching(&self, glob: Glob) -> Vec<Vec<u8>> {
        self.keys(|key| glob.is_match(key))
    }

    fn keys(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let live = self.entries.iter().filter(|(_, entry)| self.is_live(entry));
        let wanted = live.map(|(key, _)| key).filter(|key| wanted(key));
        let mut keys: Vec<_> = wanted.cloned().collect();
        keys.sort_unstable();
        keys
    }

    fn get_or_insert(&mut self, key: &[u8], value: &Value, ttl: Duration) -> Answer {
        match self.value(key) {
            Some(found) => Answer::value(Some(found)),
            None => match self.write(key, value, ttl, true) {
                Answer::Yes(_) => Answer::value(Some(value.clone())),
                refused => refused,
            },
        }
    }

    /// A call around a call.
    fn meanwhile(&mut self, inner: &Call, outer: impl FnOnce(&mut Self) -> Answer) -> Answer {
        let inner = self.apply(inner);
        Answer::Both(Some(inner.into()), outer(self).into())
    }

    fn retain(&mut self, keep: impl Fn(&[u8], &Value) -> bool) -> Answer {
        let keys = self.matching(Glob::All);
        let doomed = |key: &&Vec<u8>| self.value(key).is_some_and(|value| !keep(key, &value));
        let doomed: Vec<_> = keys.iter().filter(doomed).cloned().collect();
        doomed.iter().for_each(|key| drop(self.remove(key)));
        Answer::Count(doomed.len())
    }

    pub fn apply(&mut self, call: &Call) -> Answer {
        match call {
            Call::Advance(time) => {
                self.now = (self.now + time.as_nanos()).min(END);
                Answer::Done
            }
            Call::Set(key, value, ttl) => match self.write(key, value, *ttl, true) {
                Answer::Yes(_) => Answer::Done,
                refused => refused,
            },
            Call::SetMany(items, ttl) => {
                if items.iter().any(|(_, value)| too_deep(value)) {
                    return Answer::Refused(ErrorKind::TooDeep);
                }
                for (key, value) in items {
                    self.write(key, value, *ttl, true);
                }
                Answer::Done
            }
            Call::Swap(key, value, ttl) => {
                let old = self.value(key);
                match self.write(key, value, *ttl, true) {
                    Answer::Yes(_) => Answer::value(old),
                    refused => refused,
                }
            }
            Call::SetIf(key, value, ttl, present) => {
                self.write(key, value, *ttl, self.live(key).is_some() == *present)
            }
            Call::CompareAndSet(key, expected, new) => {
                let same = self.value(key).is_some_and(|value| value.same(expected));
                self.write(key, new, Duration::ZERO, same)
            }
            Call::CompareAndDelete(key, expected) => {
                let same = self.value(key).is_some_and(|value| value.same(expected));
                Answer::Yes(same && self.remove(key).is_some())
            }
            Call::Remember(key) => {
                let live = self.live(key);
                let entry = live.map(|e| Remembered { value: e.value.clone(), version: e.version });
                self.remembered = entry.or(self.remembered.take());
                Answer::Done
            }
            Call::SetIfRemembered(key, value, ttl) => {
                if self.remembered.is_none() {
                    return Answer::Done;
                }
                self.write(key, value, *ttl, self.is_remembered(key))
            }
            Call::DeleteIfRemembered(key) => match self.remembered {
                None => Answer::Done,
                Some(_) => Answer::Yes(self.is_remembered(key) && self.remove(key).is_some()),
            },
            Call::Delete(key) => Answer::Yes(self.remove(key).is_some()),
            Call::DeleteMany(keys) => {
                Answer::Count(keys.iter().filter(|key| self.remove(key).is_some()).count())
            }
            Call::Take(key) => Answer::value(self.remove(key)),
            Call::Look(key) => Answer::Look(self.look(key)),
            Call::GetMany(keys) => {
                Answer::Values(keys.iter().map(|key| exact(self.value(key))).collect())
            }
            Call::Incr(key, by) => self.count(key, *by),
            Call::IncrWith(key, counting) => self.count_bounded(key, counting),
            Call::IncrFloat(key, amount) => self.add_float(key, *amount),
            Call::Expire(key, after, condition) => {
                Answer::Yes(self.expire(key, *after, *condition).is_some())
            }
            Call::GetAndExpire(key, after) => {
                Answer::value(self.expire(key, *after, Condition::Always))
            }
            Call::Persist(key) => {
                let mortal = self.live(key).filter(|entry| entry.deadline.is_some()).cloned();
                if let Some(entry) = &mortal {
                    self.put(key, entry.value.clone(), None);
                }
                Answer::Yes(mortal.is_some())
            }
            Call::Update(key, change) => self.update(key, change),
            Call::GetOrInsert(key, value, ttl) => self.get_or_insert(key, value, *ttl),
            Call::UpdateMeanwhile(key, inner, change) => {
                let seen = self.value(key);
                self.meanwhile(inner, |spec| match change {
                    Change::Keep => Answer::value(seen),
                    _ => spec.update(key, &added(spec.value(key).as_ref(), change)),
                })
            }
            Call::InsertMeanwhile(key, inner, value, ttl) => match self.value(key) {
                Some(found) => Answer::Both(None, Answer::value(Some(found)).into()),
                None if too_deep(value) => {
                    self.meanwhile(inner, |_| Answer::Refused(ErrorKind::TooDeep))
                }
                None => self.meanwhile(inner, |spec| spec.get_or_insert(key, value, *ttl)),
            },
            Call::ReadMeanwhile(key, inner) => match self.value(key) {
                Some(seen) => self.meanwhile(inner, |_| Answer::value(Some(seen))),
                None => Answer::Both(None, Answer::value(None::<Value>).into()),
            },
            Call::Walk(glob) => Answer::Keys(self.matching(*glob)),
            Call::WalkPrefix(prefix) => Answer::Keys(self.keys(|key| key.starts_with(prefix))),
            // What such a walk meets is checked where it is made.
            Call::WalkFrom(..) => Answer::Done,
            Call::DeleteMatching(glob) => self.retain(|key, _| !glob.is_match(key)),
            Call::Retain => self.retain(|_, value| value.as_int().is_none_or(|int| int % 2 == 0)),
            Call::Fill(count) => {
                fillers(*count).for_each(|(key, n)| self.put(key, n.into(), None));
                Answer::Done
            }
            Call::Clear => {
                self.entries.clear();
                Answer::Done
            }
            Call::Upkeep | Call::Sweep(..) => Answer::Count(self.matching(Glob::All).len()),
        }
    }

    pub fn remembered(self) -> Option<Exact> {
        exact(self.remembered.map(|seen| seen.value))
    }
}
