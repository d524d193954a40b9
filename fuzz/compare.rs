//! `memcmp` and `bcmp` in place of libFuzzer's, which look at what is compared and take a third
//! of the time of `operations`. The linker gives them to all of the program (`build.rs`).

/// # Safety
///
/// That of `memcmp`: `length` bytes at each of both may be read.
// SAFETY: no other symbol has this name, which `--wrap` alone makes a meaning of.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_memcmp(one: *const u8, other: *const u8, length: usize) -> i32 {
    for at in 0..length {
        // SAFETY: the caller may read so many bytes.
        let (one, other) = unsafe { (*one.add(at), *other.add(at)) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

/// # Safety
///
/// As `memcmp`.
// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_bcmp(one: *const u8, other: *const u8, length: usize) -> i32 {
    // SAFETY: what `bcmp` asks is what `memcmp` does.
    unsafe { __wrap_memcmp(one, other, length) }
}
