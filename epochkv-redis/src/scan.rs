//! `RedisScan`: a walk over an engine's keys with their values.

use crate::namespace::Wanted;
use crate::reply;
use crate::request::Request;
use crate::script::ENTRY;
use crate::store::RedisStore;
use crate::walk::Walk;
use epochkv::{Item, Pattern, StoreError, StoreErrorKind, StoreScan};
use std::collections::{HashSet, VecDeque};

/// The most entries that are fetched at once.
const PAGE: usize = 1_000;

/// A walk; see [`Store::scan`](epochkv::Store::scan).
///
/// Shows each key once, as the engine does not promise by itself; for that it remembers the keys
/// that it has shown, so it needs memory for all of them.
#[derive(Debug)]
pub struct RedisScan<'s> {
    store: &'s RedisStore,
    pattern: Pattern,
    /// None at the end.
    walk: Option<Walk<'s>>,
    seen: HashSet<String>,
    /// Keys whose values are yet to be fetched.
    keys: VecDeque<String>,
    /// What was fetched and is yet to be shown.
    items: VecDeque<Result<Item, StoreError>>,
}

impl<'s> RedisScan<'s> {
    pub(crate) fn new(store: &'s RedisStore, pattern: &Pattern) -> Self {
        let mut keys = VecDeque::new();
        let walk = match store.namespace().wanted(pattern) {
            Wanted::Exactly(name) => {
                keys.extend(store.namespace().key(&name).map(str::to_owned));
                None
            }
            Wanted::AtLeast(glob) => Some(Walk::new(store.router(), glob)),
        };
        let (seen, items) = (HashSet::new(), VecDeque::new());
        Self { store, pattern: pattern.clone(), walk, seen, keys, items }
    }

    /// Fetches the values of the next keys. A key whose value could not be fetched stays.
    async fn fetch(&mut self) -> Result<(), StoreError> {
        let count = self.keys.len().min(PAGE);
        let names = self.keys.iter().take(count).filter_map(|key| self.store.namespace().name(key));
        let requests = names.map(|name| Request::read_by(&ENTRY, &name)).collect();
        let answers = self.store.router().ask_each(requests).await;
        let mut failed = None;
        for (key, answer) in self.keys.drain(..count).collect::<Vec<_>>().into_iter().zip(answers) {
            let item = answer.and_then(reply::entry).and_then(|found| {
                let item = |(value, expiry)| Item::new(key.as_str(), value, expiry);
                Ok(found.map(item).transpose()?)
            });
            match item {
                Ok(item) => self.items.extend(item.map(Ok)),
                Err(error) if error.kind() == StoreErrorKind::Undecodable => {
                    self.items.push_back(Err(reply::about(&key, &error)));
                }
                Err(error) => {
                    self.keys.push_back(key);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl StoreScan for RedisScan<'_> {
    async fn next_item(&mut self) -> Result<Option<Item>, StoreError> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return item.map(Some);
            }
            if !self.keys.is_empty() {
                self.fetch().await?;
                continue;
            }
            let Some(walk) = &mut self.walk else {
                return Ok(None);
            };
            let Some(page) = walk.next_page().await? else {
                self.walk = None;
                continue;
            };
            for name in page {
                let key = self.store.namespace().key(&name);
                let wanted = key.filter(|key| self.pattern.is_match(key));
                if let Some(key) = wanted.filter(|key| !self.seen.contains(*key)) {
                    self.seen.insert(key.to_owned());
                    self.keys.push_back(key.to_owned());
                }
            }
        }
    }
}
