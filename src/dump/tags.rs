//! The numbers of the format; `docs/DUMP.md` says where they stand.

/// What a dump begins with. The first byte is in no text, so that none is taken for a dump.
pub(super) const MAGIC: [u8; 8] = *b"\x89epochkv";

/// The version of the format that is written, and the only one that is read.
pub(super) const VERSION: u16 = 1;

/// The kinds of key.
pub(super) const TEXT_KEYS: u8 = 0;
pub(super) const BYTE_KEYS: u8 = 1;

/// What an entry begins with.
pub(super) const LASTING: u8 = 1;
pub(super) const EXPIRING: u8 = 2;

/// What a value begins with.
pub(super) const NULL: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
pub(super) const INT: u8 = 3;
pub(super) const FLOAT: u8 = 4;
pub(super) const STR: u8 = 5;
pub(super) const BYTES: u8 = 6;
pub(super) const LIST: u8 = 7;
pub(super) const DICT: u8 = 8;

/// Bits of a length in one of its bytes; the highest bit says that another one follows.
pub(super) const LENGTH_BITS: u32 = 7;
