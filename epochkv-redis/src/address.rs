//! Addresses: what the schemes of a URL mean, and the options that it carries.

use crate::options::Options;
use epochkv::{StoreError, StoreErrorKind};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use std::time::Duration;
use url::Url;

/// Where a store is.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// In this process.
    Memory,
    /// On one server.
    Single(Box<ConnectionInfo>),
    /// On a cluster, of which these nodes are known.
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    /// Reads a URL; the options that it carries win over `options`.
    pub(crate) fn parse(url: &str, options: Options) -> Result<(Self, Options), StoreError> {
        let (scheme, rest) = url.split_once(':').ok_or_else(|| bad("a URL has a scheme"))?;
        let single = |scheme: &str| {
            let (info, options) = parse_node(&format!("{scheme}:{rest}"), options.clone())?;
            Ok((Self::Single(Box::new(info)), options))
        };
        match scheme {
            "memory" if matches!(rest.split('?').next(), Some("" | "//")) => {
                Ok((Self::Memory, options))
            }
            "memory" => Err(bad("the store in this process has no address: memory:")),
            "redis" | "rediss" | "valkey" | "valkeys" | "unix" | "redis+unix" | "valkey+unix" => {
                single(scheme)
            }
            "redis-cluster" | "valkey-cluster" => parse_cluster("redis", rest, &options),
            "rediss-cluster" | "valkeys-cluster" => parse_cluster("rediss", rest, &options),
            _ => Err(bad(&format!(
                "the scheme {scheme:?} is none of memory, redis, rediss, redis-cluster, \
                 rediss-cluster"
            ))),
        }
    }
}

fn bad(message: &str) -> StoreError {
    StoreError::new(StoreErrorKind::BadConfig, message)
}

/// Of `//user:password@host:port,host:port/?options`, one URL per host.
fn parse_cluster(
    scheme: &str,
    rest: &str,
    options: &Options,
) -> Result<(Address, Options), StoreError> {
    let rest = rest.strip_prefix("//").ok_or_else(|| bad("after the scheme come two slashes"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let mut nodes = Vec::new();
    let mut found = options.clone();
    for host in hosts.split(',') {
        let (node, options) = parse_node(&format!("{scheme}://{user}{host}{tail}"), found)?;
        if node.redis_settings().db() != 0 {
            return Err(bad("a cluster has only the database 0"));
        }
        nodes.push(node);
        found = options;
    }
    Ok((Address::Cluster(nodes), found))
}

fn parse_node(url: &str, mut options: Options) -> Result<(ConnectionInfo, Options), StoreError> {
    // The URL may hold a password, so no message repeats it.
    let mut url = Url::parse(url).map_err(|error| bad(&format!("no URL: {error}")))?;
    let mut others = Vec::new();
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "namespace" => options = options.namespace(&value)?,
            "timeout_ms" => {
                let ms = value.parse().ok().filter(|ms| *ms > 0);
                let ms = ms.ok_or_else(|| bad("timeout_ms is a positive number"))?;
                options = options.timeout(Duration::from_millis(ms));
            }
            "protocol" | "db" | "user" | "pass" => {
                others.push((name.into_owned(), value.into_owned()));
            }
            _ => return Err(bad(&format!("the URL has an unknown option: {name:?}"))),
        }
    }
    let explicit_protocol = others.iter().any(|(name, _)| name == "protocol");
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    let info = url.into_connection_info().map_err(|error| bad(&error.to_string()))?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(bad("a connection by TLS always checks the certificate"));
    }
    if explicit_protocol {
        return Ok((info, options));
    }
    // With its push messages the client learns at once that a connection has ended.
    let settings = info.redis_settings().clone().set_protocol(redis::ProtocolVersion::RESP3);
    Ok((info.set_redis_settings(settings), options))
}

#[cfg(test)]
mod tests {
    use super::Address;
    use crate::Options;
    use epochkv::StoreErrorKind;
    use redis::ConnectionAddr;
    use std::time::Duration;

    fn parse(url: &str) -> (Address, Options) {
        Address::parse(url, Options::new()).expect("a good address")
    }

    #[test]
    fn one_server() {
        let (Address::Single(node), options) = parse("redis://ann:se%40cret@db:7000/2") else {
            panic!("one server");
        };
        assert_eq!(node.addr(), &ConnectionAddr::Tcp("db".into(), 7000));
        assert_eq!(node.redis_settings().username(), Some("ann"));
        assert_eq!(node.redis_settings().password(), Some("se@cret"));
        assert_eq!(node.redis_settings().db(), 2);
        assert_eq!(options.timeout, Options::new().timeout);
        assert!(matches!(parse("rediss://db/").0, Address::Single(node)
            if matches!(node.addr(), ConnectionAddr::TcpTls { insecure: false, .. })));
        assert!(matches!(parse("unix:///run/redis.sock").0, Address::Single(node)
            if matches!(node.addr(), ConnectionAddr::Unix(_))));
    }

    #[test]
    fn a_cluster_of_several_nodes() {
        let url = "redis-cluster://:pw@a:1,b:2,[::1]:3/?namespace=shop&timeout_ms=250";
        let (Address::Cluster(nodes), options) = parse(url) else { panic!("a cluster") };
        let addresses: Vec<_> = nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(addresses, ["a:1", "b:2", "::1:3"]);
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("pw")));
        assert_eq!(options.namespace.name("k").as_deref(), Some(&b"shop:k"[..]));
        assert_eq!(options.timeout, Duration::from_millis(250));
        assert!(matches!(parse("rediss-cluster://a").0, Address::Cluster(nodes)
            if matches!(nodes[0].addr(), ConnectionAddr::TcpTls { .. })));
    }

    #[test]
    fn the_store_in_this_process() {
        for url in ["memory:", "memory://", "memory:?namespace=shop"] {
            assert!(matches!(parse(url).0, Address::Memory), "{url}");
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_a_password() {
        for url in [
            "",
            "redis",
            "memcached://a",
            "memory://a",
            "redis-cluster:a",
            "redis-cluster://:secret@a/1",
            "redis://:secret@a/?namespce=x",
            "redis://:secret@a/?namespace=x:y",
            "redis://:secret@a/?timeout_ms=0",
            "redis://:secret@a/?timeout_ms=-1",
            "redis://:secret@a/x",
            "redis://:secret@a:99999",
            "rediss://:secret@a/#insecure",
            "redis-cluster://:secret@a,,b",
        ] {
            let error = Address::parse(url, Options::new()).expect_err(url);
            assert_eq!(error.kind(), StoreErrorKind::BadConfig, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error}");
        }
    }
}
