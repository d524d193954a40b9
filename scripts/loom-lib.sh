# For scripts that run models on a changed copy of the crate; to be sourced.
#
# Sets `source_dir` and `scratch`, which is removed at the end, and cargo's
# variables. Loom's own variables are ignored: some end an exploration as if it
# had succeeded.
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
unset "${!LOOM_@}"
export RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize"
# A directory of its own: cargo would take a changed library for the real one.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$source_dir/target/loom}/mutants"
export RUST_BACKTRACE=0

# A fresh copy of the crate in $scratch/crate.
copy_crate() {
    rm -rf "$scratch/crate"
    mkdir "$scratch/crate"
    tar -C "$source_dir" --exclude=./target --exclude=./.git -cf - . | tar -C "$scratch/crate" -xf -
}

# verdict STATUS LOG: what a model's end means. One that was cut, by time or by a
# bound of its own, says nothing.
verdict() {
    if [[ "$1" == 0 ]]; then
        if grep -q "1 passed" "$2"; then echo "not caught"; else echo "no such model"; fi
    elif grep -q "too many executions\|maximum number of branches" "$2"; then
        echo "cut"
    elif grep -q "panicked at\|SIG" "$2"; then
        echo "caught"
    else
        echo "ended without a verdict"
    fi
}
