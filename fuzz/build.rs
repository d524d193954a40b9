//! For volume, `operations` compares memory by `compare.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_VOLUME").is_some() {
        println!("cargo::rustc-link-arg-bin=operations=-Wl,--wrap=memcmp,--wrap=bcmp");
    }
}
