//! The reference: one plain map, one plain clock, written from the specification.

use crate::calls::{Answer, Call, Exact, Glob, HUGE_MS, Seen, exact};
use epochkv::{Change, Condition, ErrorKind, Value};
use std::collections::HashMap;

/// An entry. Every write gives it a new version, a new deadline too.
#[derive(Clone, Debug)]
struct Entry {
    value: Value,
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
    now: u128,
    versions: u64,
    remembered: Option<Remembered>,
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_))
}

fn too_deep(value: &Value) -> bool {
    value.depth() > 128
}

impl Spec {
    fn live(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.deadline.is_none_or(|end| self.now < end))
    }

    fn value(&self, key: &[u8]) -> Option<Value> {
        self.live(key).map(|entry| entry.value.clone())
    }

    fn deadline(&self, ttl_ms: u64) -> Option<u128> {
        (ttl_ms != 0).then(|| self.now + u128::from(ttl_ms))
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

    fn write(&mut self, key: &[u8], value: &Value, ttl_ms: u64, allowed: bool) -> Answer {
        if too_deep(value) {
            return Answer::Refused(ErrorKind::TooDeep);
        }
        if allowed {
            self.put(key, value.clone(), self.deadline(ttl_ms));
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

    /// Bounded counting, with a time to live for a key that is created.
    fn count_bounded(&mut self, key: &[u8], by: i64, max: i64, saturate: bool) -> Answer {
        let (old, deadline) = match self.live(key) {
            None => (0, self.deadline(1000)),
            Some(Entry { value: Value::Int(old), deadline, .. }) => (*old, *deadline),
            Some(_) => return Answer::Refused(ErrorKind::NotAnInteger),
        };
        let sum = i128::from(old) + i128::from(by);
        let fits = sum <= i128::from(max) && sum >= i128::from(i64::MIN);
        if !fits && !saturate {
            return Answer::Counted(old, 0);
        }
        let new = sum.min(i128::from(max)).max(i128::from(i64::MIN)) as i64;
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

    fn ttl_ms(&self, key: &[u8]) -> i64 {
        match self.live(key).map(|entry| entry.deadline) {
            None => -2,
            Some(None) => -1,
            Some(Some(end)) => i64::try_from(end - self.now).unwrap_or(i64::MAX),
        }
    }

    fn expire(&mut self, key: &[u8], after_ms: u64, condition: Condition) -> Option<Value> {
        let entry = self.live(key)?.clone();
        // No deadline counts as infinitely far.
        let (old, new) = (entry.deadline.unwrap_or(u128::MAX), self.now + u128::from(after_ms));
        let allowed = match condition {
            Condition::Always => true,
            Condition::IfNone => entry.deadline.is_none(),
            Condition::IfSome => entry.deadline.is_some(),
            Condition::IfLater => new > old,
            Condition::IfEarlier => new < old,
        };
        if !allowed {
            return None;
        }
        match after_ms {
            0 => self.remove(key),
            _ => {
                self.put(key, entry.value.clone(), Some(new));
                Some(entry.value)
            }
        }
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
                let ttl_ms = if *ttl == epochkv::Ttl::NEVER { 0 } else { 1000 };
                (value, self.deadline(ttl_ms))
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
        let live = self.entries.keys().filter(|key| self.live(key).is_some());
        let mut keys: Vec<_> = live.filter(|key| glob.is_match(key)).cloned().collect();
        keys.sort_unstable();
        keys
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
            Call::Advance(ms) => {
                self.now += u128::from(*ms);
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
                self.write(key, new, 0, same)
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
            Call::Look(key) => {
                let value = self.value(key);
                let (exists, ttl_ms) = (value.is_some(), self.ttl_ms(key));
                Answer::Look(Seen { value: exact(value), exists, ttl_ms })
            }
            Call::Incr(key, by) => self.count(key, *by),
            Call::IncrWith(key, by, max, saturate) => self.count_bounded(key, *by, *max, *saturate),
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
            Call::GetOrInsert(key, value, ttl) => match self.value(key) {
                Some(found) => Answer::value(Some(found)),
                None => match self.write(key, value, *ttl, true) {
                    Answer::Yes(_) => Answer::value(Some(value.clone())),
                    refused => refused,
                },
            },
            Call::Walk(glob) => Answer::Keys(self.matching(*glob)),
            Call::DeleteMatching(glob) => self.retain(|key, _| !glob.is_match(key)),
            Call::Retain => self.retain(|_, value| value.as_int().is_none_or(|int| int % 2 == 0)),
            Call::Fill(count) => {
                (0..*count).for_each(|n| self.put(format!("f{n}").as_bytes(), n.into(), None));
                Answer::Done
            }
            Call::Clear => {
                self.entries.clear();
                Answer::Done
            }
            Call::Upkeep => Answer::Count(self.matching(Glob::All).len()),
        }
    }

    pub fn remembered(self) -> Option<Exact> {
        exact(self.remembered.map(|seen| seen.value))
    }
}

/// Deadlines of the model are exact; the store's saturate far beyond any test.
const _: () = assert!(HUGE_MS as u128 * 2 < u64::MAX as u128);
