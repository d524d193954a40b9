//! A counter with a bound, for seats, stock or a quota: `cargo run --example bounded_counter`.
//!
//! Looking at what is left and taking it are one atomic call, so that threads that come at
//! once never take more than there is.

use epochkv::{Error, IncrOptions, Kv};
use std::thread;

/// Takes `wanted` seats, or none if there are not so many left.
fn book(kv: &Kv, wanted: i64) -> Result<bool, Error> {
    let taken = kv.incr_with("seats", &IncrOptions::by(-wanted).min(0))?;
    Ok(taken.applied == -wanted)
}

/// Takes up to `wanted` seats; returns how many.
fn book_up_to(kv: &Kv, wanted: i64) -> Result<i64, Error> {
    let taken = kv.incr_with("seats", &IncrOptions::by(-wanted).min(0).saturate(true))?;
    Ok(-taken.applied)
}

/// Gives seats back, and never more than the house has.
fn cancel(kv: &Kv, seats: i64, house: i64) -> Result<i64, Error> {
    Ok(kv.incr_with("seats", &IncrOptions::by(seats).max(house).saturate(true))?.value)
}

pub(crate) fn main() -> Result<(), Error> {
    let kv = Kv::new();
    let house = 1000;
    kv.set("seats", house)?;

    // Four threads sell pairs until there are none left.
    let sell = || {
        let mut sold = 0;
        while book(&kv, 2)? {
            sold += 2;
        }
        Ok::<i64, Error>(sold)
    };
    let sold = thread::scope(|scope| {
        let sellers = [(); 4].map(|()| scope.spawn(sell));
        sellers
            .into_iter()
            .map(|seller| seller.join().expect("no seller panics"))
            .sum::<Result<i64, _>>()
    })?;
    println!("{sold} of {house} seats are sold");
    assert_eq!(sold, house);

    assert_eq!(cancel(&kv, 3, house)?, 3);
    assert!(!book(&kv, 4)?, "a party of four does not fit any more");
    assert_eq!(book_up_to(&kv, 4)?, 3);
    assert_eq!(kv.get_or("seats", house), 0);
    Ok(())
}
