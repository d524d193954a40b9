//! What `set` does, and the time to live that it gives.

use super::*;

#[test]
fn replaces_a_value_of_any_type() {
    let (kv, _) = store();
    for old in one_of_each_kind() {
        for new in one_of_each_kind() {
            kv.set("k", &old).unwrap();
            kv.set("k", &new).unwrap();
            assert!(kv.get("k").unwrap().to_value().same(&new), "{old:?} to {new:?}");
        }
    }
}

type Write = fn(&Store) -> Result<(), Error>;

#[test]
fn ttl_0_means_no_expiry_and_removes_an_old_ttl() {
    let (kv, clock) = store();
    let writes: [Write; 4] = [
        |kv| kv.set("k", 2),
        |kv| kv.set_ex("k", 2, 0),
        |kv| kv.set_ex("k", 2, Duration::ZERO),
        |kv| kv.set("k", "two"),
    ];
    for write in writes {
        kv.set_ex("k", 1, 10).unwrap();
        write(&kv).unwrap();
        assert_eq!(kv.ttl("k"), -1);
        clock.advance(secs(20));
        assert!(kv.exists("k"));
    }
}

#[test]
fn ttl_n_means_gone_n_seconds_later_and_not_before() {
    let (kv, clock) = store();
    kv.set_ex("k", 1, 10).unwrap();
    clock.advance(secs(10) - Duration::from_nanos(1));
    assert!(kv.exists("k"));
    clock.advance(Duration::from_nanos(1));
    assert!(!kv.exists("k"));
}

#[test]
fn the_time_counts_from_the_start_of_the_call() {
    // The value is converted during the call, and that takes 4 seconds.
    struct Slow(ManualClock);
    impl From<Slow> for epochkv::Input<'_> {
        fn from(slow: Slow) -> Self {
            slow.0.advance(secs(4));
            1.into()
        }
    }
    let (kv, clock) = store();
    kv.set_ex("set_ex", Slow(clock.clone()), 10).unwrap();
    assert_eq!(kv.ttl("set_ex"), 6);
    kv.swap("swap", Slow(clock.clone()), 10).unwrap();
    assert_eq!(kv.ttl("swap"), 6);
    kv.set_many([("set_many", Slow(clock.clone()))], 10).unwrap();
    assert_eq!(kv.ttl("set_many"), 6);
}

#[test]
fn a_negative_ttl_is_an_error() {
    assert_eq!(Ttl::from_secs(-1).unwrap_err().kind(), ErrorKind::NegativeTtl);
    assert_eq!(Ttl::from_secs(i64::MIN).unwrap_err().kind(), ErrorKind::NegativeTtl);
}

#[test]
fn a_ttl_larger_than_the_clock_can_hold_means_never() {
    let (kv, clock) = store();
    clock.advance(secs(1 << 33));
    kv.set_ex("k", 1, u64::MAX).unwrap();
    kv.set_ex("l", 1, Duration::MAX).unwrap();
    clock.advance(Duration::MAX);
    assert_eq!(kv.keys("*"), ["k", "l"]);
}

#[test]
fn over_an_expired_key_is_as_over_nothing() {
    let (kv, clock) = store();
    kv.set_ex("k", 1, 1).unwrap();
    clock.advance(secs(1));
    assert!(kv.swap("k", 2, Ttl::NEVER).unwrap().is_none());
    assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (Value::from(2).into(), -1));
}
