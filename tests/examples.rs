//! The small programs in `examples`, run. They check themselves.
//!
//! `examples/web` and `examples/job-lock` are packages with tests of their own;
//! `contention`, `soak` and `stress` are run by `.ci/run`; `flooding` and `stalled` judge by
//! the clock, and are for a machine without other work.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

macro_rules! programs {
    ($($name:ident $path:literal;)*) => {
        $(
            // Their `main` is `pub(crate)` for this.
            #[path = $path]
            mod $name;

            #[test]
            fn $name() {
                $name::main().expect("the program succeeds");
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

programs! {
    bounded_counter "../examples/bounded_counter.rs";
    quickstart "../examples/quickstart.rs";
    reinsert_on_expiry "../examples/reinsert_on_expiry.rs";
    ttl_jitter "../examples/ttl_jitter.rs";
}

#[test]
fn none_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).expect("the folder can be read");
    let names = files.filter_map(|file| {
        let name = file.expect("an entry").file_name().into_string().expect("a plain name");
        name.strip_suffix(".rs").map(str::to_owned)
    });
    let names: BTreeSet<_> = names
        .filter(|name| !["flooding", "soak", "stalled", "stress"].contains(&&**name))
        .collect();
    assert_eq!(names, NAMES.iter().map(|name| name.to_string()).collect());
}
