//! Answers of the engine, read strictly: what is not as expected is an error, not a guess.

use crate::encoding::{decode, parse_int, read};
use epochkv::{ErrorKind, Expiry, Incremented, Snapshot, StoreError, StoreErrorKind};
use redis::Value;
use std::time::Duration;

/// After a write that has been carried out, too.
fn unexpected(answer: &Value) -> StoreError {
    let message = format!("the engine gave an answer of another kind: {answer:?}");
    let message = message.chars().take(200).collect::<String>();
    StoreError::new(StoreErrorKind::Engine, message)
}

/// Bytes, if the key is there.
pub(crate) fn bytes(answer: Value) -> Result<Option<Vec<u8>>, StoreError> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        answer => Err(unexpected(&answer)),
    }
}

/// A value, if the key is there.
pub(crate) fn value(answer: Value) -> Result<Option<Snapshot>, StoreError> {
    Ok(bytes(answer)?.as_deref().map(read).transpose()?.map(Snapshot::from))
}

/// The same error, with the key that it is about.
pub(crate) fn about(key: &str, error: &StoreError) -> StoreError {
    StoreError::new(error.kind(), format!("{key:?}: {error}"))
}

/// A value that has just been replaced or removed: an error comes too late.
pub(crate) fn old_value(answer: Value) -> Result<Option<Snapshot>, StoreError> {
    value(answer).map_err(StoreError::unknown_outcome)
}

/// An integer that a write has made.
pub(crate) fn int(answer: Value) -> Result<i64, StoreError> {
    match answer {
        Value::Int(int) => Ok(int),
        answer => Err(unexpected(&answer).unknown_outcome()),
    }
}

/// How many of one key were there.
pub(crate) fn flag(answer: Value) -> Result<bool, StoreError> {
    match answer {
        Value::Int(0) => Ok(false),
        Value::Int(1) => Ok(true),
        answer => Err(unexpected(&answer).unknown_outcome()),
    }
}

/// Whether a key is there.
pub(crate) fn is_one(answer: &Value) -> bool {
    *answer == Value::Int(1)
}

/// Whether a conditional `SET` has set.
pub(crate) fn done(answer: Value) -> Result<bool, StoreError> {
    match answer {
        Value::Nil => Ok(false),
        Value::Okay => Ok(true),
        answer => Err(unexpected(&answer).unknown_outcome()),
    }
}

/// The time left, in milliseconds or the codes for none.
pub(crate) fn expiry(answer: Value) -> Result<Expiry, StoreError> {
    match answer {
        Value::Int(-2) => Ok(Expiry::Missing),
        Value::Int(-1) => Ok(Expiry::Never),
        // The engine's answer is 0 for a key in its last millisecond.
        Value::Int(ms) if ms >= 0 => {
            Ok(Expiry::In(Duration::from_millis(ms.unsigned_abs().max(1))))
        }
        answer => Err(unexpected(&answer)),
    }
}

/// The answer of [`COMPARE`](crate::script::COMPARE).
pub(crate) fn compared(answer: Value) -> Result<Result<(), Option<Vec<u8>>>, StoreError> {
    match answer {
        Value::Array(parts) => match &mut parts.into_iter().collect::<Vec<_>>()[..] {
            [Value::Int(1)] => Ok(Ok(())),
            [Value::Int(0), present] => bytes(std::mem::take(present)).map(Err),
            other => Err(unexpected(&Value::Array(other.to_vec())).unknown_outcome()),
        },
        answer => Err(unexpected(&answer).unknown_outcome()),
    }
}

/// The answer of [`COUNT`](crate::script::COUNT).
pub(crate) fn counted(answer: Value) -> Result<Incremented, StoreError> {
    let int = |part: &Value| match part {
        Value::BulkString(text) => str::from_utf8(text).ok().and_then(parse_int),
        _ => None,
    };
    let Value::Array(parts) = &answer else {
        return Err(unexpected(&answer).unknown_outcome());
    };
    match &parts[..] {
        [] => Err(ErrorKind::NotAnInteger.into()),
        [old, new] => {
            let (old, new) =
                int(old).zip(int(new)).ok_or_else(|| unexpected(&answer).unknown_outcome())?;
            Ok(Incremented { value: new, applied: new.saturating_sub(old) })
        }
        _ => Err(unexpected(&answer).unknown_outcome()),
    }
}

/// The answer of [`ENTRY`](crate::script::ENTRY): a value and its time left, if the key is there.
pub(crate) fn entry(answer: Value) -> Result<Option<(epochkv::Value, Expiry)>, StoreError> {
    let Value::Array(parts) = &answer else {
        return Err(unexpected(&answer));
    };
    match &parts[..] {
        [] => Ok(None),
        [Value::BulkString(bytes), left] => Ok(Some((decode(bytes)?, expiry(left.clone())?))),
        _ => Err(unexpected(&answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::{compared, counted, done, entry, expiry, flag, int, value};
    use redis::Value;

    #[test]
    fn an_answer_of_another_kind_is_an_error() {
        let odd = Value::Array(vec![Value::Int(7)]);
        assert!(value(odd.clone()).is_err_and(|error| !error.may_have_happened()));
        assert!(expiry(Value::Int(-3)).is_err_and(|error| !error.may_have_happened()));
        assert!(entry(odd.clone()).is_err_and(|error| !error.may_have_happened()));
        assert!(int(odd.clone()).is_err_and(|error| error.may_have_happened()));
        assert!(flag(Value::Int(2)).is_err_and(|error| error.may_have_happened()));
        assert!(done(odd.clone()).is_err_and(|error| error.may_have_happened()));
        assert!(compared(odd.clone()).is_err_and(|error| error.may_have_happened()));
        assert!(counted(odd).is_err_and(|error| error.may_have_happened()));
    }
}
