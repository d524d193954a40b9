//! The two kinds of keys: characters and bytes.

/// What the record needs of a key.
pub trait KeyBytes: 'static {
    /// The key as bytes; equal keys have equal bytes.
    fn as_bytes(&self) -> &[u8];

    /// The reverse of [`as_bytes`](Self::as_bytes).
    ///
    /// # Safety
    ///
    /// The bytes came from `as_bytes` of this type.
    unsafe fn from_bytes(bytes: &[u8]) -> &Self;
}

impl KeyBytes for str {
    fn as_bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    unsafe fn from_bytes(bytes: &[u8]) -> &Self {
        // SAFETY: the bytes of a `str`, by the caller's promise.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }
}

impl KeyBytes for [u8] {
    fn as_bytes(&self) -> &[u8] {
        self
    }

    unsafe fn from_bytes(bytes: &[u8]) -> &Self {
        bytes
    }
}
