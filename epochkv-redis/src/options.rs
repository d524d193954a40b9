//! What a store on an engine can be told beside its address.

use crate::namespace::Namespace;
use epochkv::StoreError;
use std::time::Duration;

/// How a [`RedisStore`](crate::RedisStore) behaves. All of it has a default.
///
/// ```
/// use epochkv_redis::Options;
/// use std::time::Duration;
///
/// let options = Options::new().namespace("shop")?.timeout(Duration::from_millis(500));
/// assert!(Options::new().namespace("a:b").is_err());
/// # Ok::<(), epochkv::StoreError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) namespace: Namespace,
    pub(crate) timeout: Duration,
    pub(crate) root_certificate: Option<Vec<u8>>,
}

impl Options {
    /// The namespace `epochkv`, two seconds, the system's certificates.
    pub fn new() -> Self {
        let namespace = Namespace::standard();
        Self { namespace, timeout: Duration::from_secs(2), root_certificate: None }
    }

    /// What the names of all keys in the engine begin with, before a colon. Stores with
    /// different namespaces share an engine without meeting. In a URL: `?namespace=shop`.
    ///
    /// In a cluster a namespace such as `{shop}` puts all its keys on one node.
    ///
    /// # Errors
    ///
    /// [`BadConfig`](epochkv::StoreErrorKind::BadConfig) for the empty text and one with a colon.
    pub fn namespace(self, name: &str) -> Result<Self, StoreError> {
        Ok(Self { namespace: Namespace::new(name)?, ..self })
    }

    /// How long a call may take; each page of a walk, and each thousand keys of a batch,
    /// has so long. In a URL: `?timeout_ms=500`.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The certificate, in PEM form, of the authority that the engine's certificates must
    /// be signed by, instead of those that the system trusts.
    pub fn root_certificate(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { root_certificate: Some(pem.into()), ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
