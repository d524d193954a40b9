//! `RedisStore`: the operations on an engine.

use crate::address::Address;
use crate::deadline::{Deadline, ms};
use crate::encoding::{decode, encode};
use crate::namespace::{Namespace, Wanted};
use crate::network::Network;
use crate::options::Options;
use crate::reply;
use crate::request::Request;
use crate::router::Router;
use crate::scan::RedisScan;
use crate::script::{COMPARE, COUNT};
use crate::walk::Walk;
use epochkv::{
    Change, ErrorKind, Expiry, IncrOptions, Incremented, Input, Pattern, Snapshot, Store,
    StoreError, StoreErrorKind, Ttl, TtlRule,
};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A store on Redis, Valkey or a cluster of them: a handle that is cheap to clone.
///
/// All clones share one connection per node, on which commands of all callers are pipelined.
/// It must be used within a tokio runtime with I/O and time.
///
/// ```no_run
/// use epochkv::Store;
/// use epochkv_redis::RedisStore;
///
/// # async fn run() -> Result<(), epochkv::StoreError> {
/// let store = RedisStore::connect("redis://127.0.0.1/?namespace=shop").await?;
/// store.set_ex("session:7", "token", 60).await?;
/// assert_eq!(store.get("session:7").await?.unwrap(), "token");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    router: Router,
    namespace: Namespace,
}

impl RedisStore {
    /// Connects to the engine at a URL:
    ///
    /// - `redis://user:password@host:port/database`, `rediss://` with TLS, `unix://path`;
    /// - `redis-cluster://user:password@host:port,host:port`, `rediss-cluster://` with TLS. One
    ///   node that can be reached is enough, the others are found through it.
    ///
    /// `valkey` is the same as `redis`. Options follow a question mark: `namespace` and
    /// `timeout_ms`, see [`Options`], and `protocol=resp2` for servers without RESP3.
    ///
    /// # Errors
    ///
    /// [`BadConfig`](StoreErrorKind::BadConfig), also if the server belongs to a cluster and the
    /// URL does not say so, or the other way round;
    /// [`Unreachable`](StoreErrorKind::Unreachable); [`Engine`](StoreErrorKind::Engine) for a
    /// wrong password.
    ///
    /// ```
    /// use epochkv::StoreErrorKind;
    /// use epochkv_redis::RedisStore;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let error = RedisStore::connect("http://127.0.0.1").await.unwrap_err();
    /// assert_eq!(error.kind(), StoreErrorKind::BadConfig);
    /// # });
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, Options::new()).await
    }

    /// As [`connect`](Self::connect), with options; those in the URL win.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with(url: &str, options: Options) -> Result<Self, StoreError> {
        let (address, options) = Address::parse(url, options)?;
        Self::open(address, options).await
    }

    pub(crate) async fn open(address: Address, options: Options) -> Result<Self, StoreError> {
        let network = Network::connect(address, &options).await?;
        let router = Router::new(network, options.timeout);
        Ok(Self { inner: Arc::new(Inner { router, namespace: options.namespace }) })
    }

    pub(crate) fn router(&self) -> &Router {
        &self.inner.router
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.inner.namespace
    }

    /// Reads by a command on a key; `absent` for a key that no store can have.
    async fn read<R>(
        &self,
        name: &str,
        key: &str,
        absent: R,
        read: impl FnOnce(redis::Value) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        match self.namespace().name(key) {
            Some(key) => read(self.router().ask(Request::read(name, &key)).await?),
            None => Ok(absent),
        }
    }

    /// `SET`, with more arguments to come.
    fn set_request(&self, key: &str, value: &Input<'_>, ttl: Ttl) -> Result<Request, StoreError> {
        let request = Request::write("SET", &self.namespace().name_to_write(key)?);
        let request = request.arg(encode(value)?);
        let deadline = Deadline::of(ttl);
        Ok(match deadline.option {
            "" => request,
            option => request.arg(option).arg(deadline.ms),
        })
    }

    /// Writes if the key still is as it was seen: `Ok`, or what is there instead.
    async fn compare(
        &self,
        name: &[u8],
        seen: Option<&[u8]>,
        write: &Write,
    ) -> Result<Result<(), Option<Vec<u8>>>, StoreError> {
        let request = Request::write_by(&COMPARE, name);
        let request = match seen {
            Some(seen) => request.arg("1").arg(seen),
            None => request.arg("0").arg(""),
        };
        let request = match write {
            Write::Delete => request.arg("del"),
            Write::Set { bytes, option, ms } => request.arg("set").arg(bytes).arg(option).arg(ms),
        };
        reply::compared(self.router().ask(request).await?)
    }

    /// As long as the key's value is `expected`, tries to write. There may be several wire
    /// forms of one value if other programs write too.
    async fn compare_value(
        &self,
        name: &[u8],
        expected: &Input<'_>,
        write: &Write,
    ) -> Result<bool, StoreError> {
        // What the engine cannot hold, it does not hold.
        let Ok(mut seen) = encode(expected) else {
            return Ok(false);
        };
        loop {
            match self.compare(name, Some(&seen), write).await? {
                Ok(()) => return Ok(true),
                Err(None) => return Ok(false),
                Err(Some(present)) => match decode(&present) {
                    Ok(value) if value.as_ref().same(expected.as_ref()) => seen = present,
                    _ => return Ok(false),
                },
            }
        }
    }
}

/// A conditional write.
enum Write {
    Delete,
    /// With the option of `SET` that says what becomes of the deadline, and its argument.
    Set {
        bytes: Vec<u8>,
        option: &'static str,
        ms: String,
    },
}

impl Write {
    fn set(value: &Input<'_>, ttl: Ttl) -> Result<Self, StoreError> {
        let Deadline { option, ms } = Deadline::of(ttl);
        Ok(Self::Set { bytes: encode(value)?, option, ms })
    }

    fn set_and_keep_deadline(value: &Input<'_>) -> Result<Self, StoreError> {
        Ok(Self::Set { bytes: encode(value)?, option: "KEEPTTL", ms: String::new() })
    }
}

impl Store for RedisStore {
    type Scan<'s> = RedisScan<'s>;

    async fn get(&self, key: &str) -> Result<Option<Snapshot>, StoreError> {
        self.read("GET", key, None, reply::value).await
    }

    fn set_ex<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let request = self.set_request(key, &value.into(), ttl.into());
        async move { self.router().ask(request?).await.map(|_| ()) }
    }

    async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        match self.namespace().name(key) {
            Some(name) => reply::flag(self.router().ask(Request::write("UNLINK", &name)).await?),
            None => Ok(false),
        }
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.read("EXISTS", key, false, reply::flag).await
    }

    async fn incr_by(&self, key: &str, amount: i64) -> Result<i64, StoreError> {
        let name = self.namespace().name_to_write(key)?;
        let request = Request::write("INCRBY", &name).arg(amount.to_string());
        reply::int(self.router().ask(request).await.map_err(not_an_integer)?)
    }

    async fn incr_with(&self, key: &str, options: &IncrOptions) -> Result<Incremented, StoreError> {
        let name = self.namespace().name_to_write(key)?;
        if options.bounds().is_empty() {
            return Err(ErrorKind::BadBounds.into());
        }
        let (rule, ttl) = match options.ttl_rule() {
            TtlRule::Keep => ("keep", Ttl::NEVER),
            TtlRule::OnCreate(ttl) => ("create", ttl),
            TtlRule::IfNone(ttl) => ("none", ttl),
            TtlRule::Refresh(ttl) => ("refresh", ttl),
        };
        let deadline = Deadline::of(ttl);
        let request = Request::write_by(&COUNT, &name)
            .arg(options.amount().to_string())
            .arg(options.bounds().start().to_string())
            .arg(options.bounds().end().to_string())
            .arg(if options.saturates() { "1" } else { "0" })
            .arg(rule)
            .arg(deadline.option)
            .arg(deadline.ms);
        reply::counted(self.router().ask(request).await.map_err(not_an_integer)?)
    }

    async fn expiry(&self, key: &str) -> Result<Expiry, StoreError> {
        self.read("PTTL", key, Expiry::Missing, reply::expiry).await
    }

    async fn expire(&self, key: &str, after: Duration) -> Result<bool, StoreError> {
        let Some(name) = self.namespace().name(key) else {
            return Ok(false);
        };
        // Zero removes the key there too.
        let request = Request::write("PEXPIRE", &name).arg(ms(after).to_string());
        reply::flag(self.router().ask(request).await?)
    }

    async fn persist(&self, key: &str) -> Result<bool, StoreError> {
        match self.namespace().name(key) {
            Some(name) => reply::flag(self.router().ask(Request::write("PERSIST", &name)).await?),
            None => Ok(false),
        }
    }

    async fn get_and_expire(
        &self,
        key: &str,
        after: Duration,
    ) -> Result<Option<Snapshot>, StoreError> {
        if after.is_zero() {
            return self.take(key).await;
        }
        let Some(name) = self.namespace().name(key) else {
            return Ok(None);
        };
        let request = Request::write("GETEX", &name).arg("PX").arg(ms(after).to_string());
        reply::old_value(self.router().ask(request).await?)
    }

    fn swap<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send {
        let request = self.set_request(key, &value.into(), ttl.into());
        async move { reply::old_value(self.router().ask(request?.arg("GET")).await?) }
    }

    async fn take(&self, key: &str) -> Result<Option<Snapshot>, StoreError> {
        match self.namespace().name(key) {
            Some(name) => {
                reply::old_value(self.router().ask(Request::write("GETDEL", &name)).await?)
            }
            None => Ok(None),
        }
    }

    fn set_if_absent<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let request = self.set_request(key, &value.into(), ttl.into());
        async move { reply::done(self.router().ask(request?.arg("NX")).await?) }
    }

    fn set_if_present<'v>(
        &self,
        key: &str,
        value: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let request = self.set_request(key, &value.into(), ttl.into());
        async move { reply::done(self.router().ask(request?.arg("XX")).await?) }
    }

    fn compare_and_set<'e, 'v>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
        new: impl Into<Input<'v>>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let expected = expected.into();
        let write = Write::set(&new.into(), ttl.into());
        async move {
            let write = write?;
            let name = self.namespace().name_to_write(key)?;
            self.compare_value(&name, &expected, &write).await
        }
    }

    fn compare_and_delete<'e>(
        &self,
        key: &str,
        expected: impl Into<Input<'e>>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let expected = expected.into();
        async move {
            match self.namespace().name(key) {
                Some(name) => self.compare_value(&name, &expected, &Write::Delete).await,
                None => Ok(false),
            }
        }
    }

    async fn update<F>(&self, key: &str, mut change: F) -> Result<Option<Snapshot>, StoreError>
    where
        F: FnMut(Option<&Snapshot>) -> Change + Send,
    {
        let name = self.namespace().name_to_write(key)?;
        let mut seen = reply::bytes(self.router().ask(Request::read("GET", &name)).await?)?;
        loop {
            let old = seen.as_deref().map(decode).transpose()?.map(Snapshot::from);
            let (write, new) = match change(old.as_ref()) {
                Change::Keep => return Ok(old),
                Change::Set(value) => {
                    (Write::set_and_keep_deadline(&(&value).into())?, Some(value))
                }
                Change::SetEx(value, ttl) => (Write::set(&(&value).into(), ttl)?, Some(value)),
                Change::Remove => (Write::Delete, None),
                _ => {
                    let message = "this version does not know the change that was asked for";
                    return Err(StoreError::new(StoreErrorKind::BadConfig, message));
                }
            };
            match self.compare(&name, seen.as_deref(), &write).await? {
                Ok(()) => return Ok(new.map(Snapshot::from)),
                Err(present) => seen = present,
            }
        }
    }

    fn get_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<Vec<Option<Snapshot>>, StoreError>> + Send {
        let name = |key: &'k str| (key, self.namespace().name(key));
        let names: Vec<_> = keys.into_iter().map(name).collect();
        async move {
            let known = names.iter().filter_map(|(_, name)| name.as_ref());
            let requests = known.map(|name| Request::read("GET", name)).collect();
            let mut answers = self.router().ask_all(requests).await?.into_iter();
            let value = |(key, name): &(&str, Option<Vec<u8>>)| match name {
                Some(_) => reply::value(answers.next().unwrap_or_default())
                    .map_err(|error| reply::about(key, &error)),
                None => Ok(None),
            };
            names.iter().map(value).collect()
        }
    }

    fn set_many<'k, 'v, V: Into<Input<'v>>>(
        &self,
        items: impl IntoIterator<Item = (&'k str, V)>,
        ttl: impl Into<Ttl>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let ttl = ttl.into();
        let request = |(key, value): (&'k str, V)| self.set_request(key, &value.into(), ttl);
        let requests: Result<Vec<_>, _> = items.into_iter().map(request).collect();
        async move { self.router().ask_all(requests?).await.map(|_| ()) }
    }

    fn delete_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        let names: Vec<_> = keys.into_iter().filter_map(|key| self.namespace().name(key)).collect();
        async move {
            let requests = names.iter().map(|name| Request::write("UNLINK", name)).collect();
            let answers = self.router().ask_all(requests).await?;
            answers.into_iter().map(|answer| reply::flag(answer).map(usize::from)).sum()
        }
    }

    async fn keys(&self, pattern: &str) -> Result<Vec<String>, StoreError> {
        let pattern = Pattern::new(pattern);
        let glob = match self.namespace().wanted(&pattern) {
            Wanted::Exactly(name) => {
                let answer = self.router().ask(Request::read("EXISTS", &name)).await?;
                let key = self.namespace().key(&name).filter(|_| reply::is_one(&answer));
                return Ok(key.map(str::to_owned).into_iter().collect());
            }
            Wanted::AtLeast(glob) => glob,
        };
        let mut walk = Walk::new(self.router(), glob);
        let mut keys = Vec::new();
        while let Some(page) = walk.next_page().await? {
            let found = page.iter().filter_map(|name| self.namespace().key(name));
            keys.extend(found.filter(|key| pattern.is_match(key)).map(str::to_owned));
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn scan(&self, pattern: &Pattern) -> RedisScan<'_> {
        RedisScan::new(self, pattern)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let mut walk = Walk::new(self.router(), self.namespace().all());
        while let Some(page) = walk.next_page().await? {
            let names = page.iter().filter(|name| self.namespace().has(name));
            let requests = names.map(|name| Request::write("UNLINK", name)).collect();
            self.router().ask_all(requests).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("network", self.router().network())
            .field("namespace", self.namespace())
            .finish()
    }
}

/// A value of the engine's own kinds is no integer either.
fn not_an_integer(error: StoreError) -> StoreError {
    match error.kind() {
        StoreErrorKind::Undecodable => ErrorKind::NotAnInteger.into(),
        _ => error,
    }
}
