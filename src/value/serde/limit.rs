//! How deep serde may go: its calls nest as the data does, on the stack.

use super::super::Value;
use crate::error::{Error, ErrorKind};

/// What is left on the way down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Lists and dicts.
    levels: usize,
    /// Calls of any sort. Options and newtypes are no level of a value, but a type
    /// that is made of nothing else can be endless.
    steps: usize,
}

impl Limit {
    /// At the top.
    pub(super) const fn new() -> Self {
        Self { levels: Value::MAX_DEPTH, steps: 4 * Value::MAX_DEPTH }
    }

    /// Inside a list or dict.
    pub(super) fn container(self) -> Result<Self, Error> {
        let Self { levels, .. } = self;
        let levels = levels.checked_sub(1).ok_or(Error::new(ErrorKind::TooDeep))?;
        Self { levels, ..self }.wrapper()
    }

    /// Inside what is no level of its own.
    pub(super) fn wrapper(self) -> Result<Self, Error> {
        let steps = self.steps.checked_sub(1).ok_or(Error::new(ErrorKind::TooDeep))?;
        Ok(Self { steps, ..self })
    }
}
