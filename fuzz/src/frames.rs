//! The outer form of a dump, by hand from `docs/DUMP.md`, so that what is inside can be
//! anything and still be looked at.

/// A dump that is being made.
pub struct Frames {
    bytes: Vec<u8>,
    checksum: u32,
}

impl Frames {
    /// Keys are text (0), bytes (1), or of no kind that is known.
    pub fn new(keys: u8, created: u64) -> Self {
        let mut this = Self { bytes: Vec::new(), checksum: 0 };
        this.add(b"\x89epochkv");
        this.add(&[1, 0, keys, 0]);
        this.add(&created.to_le_bytes());
        this.add_checksum();
        this
    }

    /// Adds a chunk; an empty one is the end.
    pub fn chunk(mut self, payload: &[u8]) -> Self {
        self.add(&(payload.len() as u32).to_le_bytes());
        self.add(payload);
        self.add_checksum();
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn add(&mut self, bytes: &[u8]) {
        self.checksum = crc32(self.checksum, bytes);
        self.bytes.extend_from_slice(bytes);
    }

    fn add_checksum(&mut self) {
        self.bytes.extend_from_slice(&self.checksum.to_le_bytes());
    }
}

/// CRC-32 as in gzip and PNG, bit by bit; goes on from `before`.
fn crc32(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    })
}
