//! Things that must not happen: counted, and the first one kept in words.

/// What went wrong in one respect, as seen by one thread.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) count: u64,
    pub(crate) first: Option<String>,
}

impl Faults {
    /// One more; it is described only if it is the first.
    pub(crate) fn note(&mut self, describe: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(describe);
    }
}
