//! Rust types of one's own in the store, by way of serde.

use super::Kv;
use crate::key::Key;
use crate::time::clock::Clock;
use crate::time::ttl::Ttl;
use crate::value::{SerdeError, from_value, to_value};
use core::hash::BuildHasher;
use serde_core::de::DeserializeOwned;
use serde_core::ser::Serialize;

#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The value of a key as a Rust type, or `None` if the key is absent. What stands for
    /// what is said at [`to_value`].
    ///
    /// As [`get`](Self::get), and then O(n) in the size of the value, outside of the operation:
    /// the type's own code may do what it likes. To borrow text instead of copying it, use
    /// [`from_value`] on a snapshot.
    ///
    /// # Errors
    ///
    /// If the value does not fit the type.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Session {
    ///     user: String,
    ///     visits: u32,
    /// }
    ///
    /// let kv = Kv::new();
    /// let ann = Session { user: "Ann".into(), visits: 3 };
    /// kv.set_as("session:7", &ann)?;
    /// assert_eq!(kv.get_as::<Session>("session:7")?, Some(ann));
    /// assert_eq!(kv.get_as::<Session>("session:8")?, None);
    ///
    /// kv.set("session:9", "no session")?;
    /// assert!(kv.get_as::<Session>("session:9").is_err());
    /// # Ok::<(), epochkv::SerdeError>(())
    /// ```
    pub fn get_as<T: DeserializeOwned>(&self, key: &K) -> Result<Option<T>, SerdeError> {
        self.get(key).map(|value| from_value(value.as_ref())).transpose()
    }

    /// Stores a Rust type under a key, for ever, as [`set`](Self::set) does with what
    /// [`to_value`] makes of it.
    ///
    /// # Errors
    ///
    /// As [`to_value`] and [`set`](Self::set); the store is unchanged.
    ///
    /// ```
    /// use epochkv::{Kv, Value};
    ///
    /// let kv = Kv::new();
    /// kv.set_as("limits", &("ip", 100, Some(0.5)))?;
    /// assert_eq!(kv.get("limits").unwrap().to_string(), r#"["ip", 100, 0.5]"#);
    /// assert!(kv.set_as("limits", &u64::MAX).is_err());
    /// # Ok::<(), epochkv::SerdeError>(())
    /// ```
    pub fn set_as<T: Serialize + ?Sized>(&self, key: &K, content: &T) -> Result<(), SerdeError> {
        self.set_as_ex(key, content, Ttl::NEVER)
    }

    /// As [`set_as`](Self::set_as), with a time to live as that of [`set_ex`](Self::set_ex),
    /// counted from when the type's own code is done.
    ///
    /// # Errors
    ///
    /// As [`set_as`](Self::set_as).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_as_ex("flags", &["beta", "dark"], 60)?;
    /// assert_eq!(kv.ttl("flags"), 60);
    /// # Ok::<(), epochkv::SerdeError>(())
    /// ```
    pub fn set_as_ex<T: Serialize + ?Sized>(
        &self,
        key: &K,
        content: &T,
        ttl: impl Into<Ttl>,
    ) -> Result<(), SerdeError> {
        Ok(self.set_ex(key, to_value(content)?, ttl)?)
    }
}
