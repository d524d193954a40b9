# For scripts that change a copy of the crate and see what fails; to be sourced.
#
# Sets `source_dir` and `scratch`, which is removed at the end. Builds go to a directory
# of their own below cargo's: cargo would take a changed library for the real one.
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
target_dir="$(realpath -m "${CARGO_TARGET_DIR:-$source_dir/target}")"
export RUST_BACKTRACE=0
# Loom's own variables are ignored: some end an exploration as if it had succeeded.
unset "${!LOOM_@}"

# A fresh copy of the crate in $scratch/crate.
copy_crate() {
    rm -rf "$scratch/crate"
    mkdir "$scratch/crate"
    tar -C "$source_dir" --exclude='./target*' --exclude=./.git -cf - . | tar -C "$scratch/crate" -xf -
}

# with_loom COMMAND...: in the copy, with what a model needs.
with_loom() (
    cd "$scratch/crate"
    RUSTFLAGS="--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize" \
        CARGO_TARGET_DIR="$target_dir/loom/mutants" "$@"
)

# verdict STATUS LOG: what the end of one test means. One that was cut, by a bound of
# its own, says nothing; one that hangs has failed.
verdict() {
    if [[ "$1" == 0 ]]; then
        if grep -q "1 passed" "$2"; then echo "not caught"; else echo "no such test"; fi
    elif grep -q "too many executions\|maximum number of branches" "$2"; then
        echo "cut"
    elif grep -q "could not compile .* (test \"\|panicked at\|FAILED\|SIG\|ERROR: \|WARNING: ThreadSanitizer\|FAIL: " "$2"; then
        echo "caught"
    elif [[ "$1" == 124 || "$1" == 137 ]]; then
        echo "caught, hangs"
    else
        echo "ended without a verdict"
    fi
}
