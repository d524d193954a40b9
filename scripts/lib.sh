# For scripts that fuzz, or that change a copy of the crate and see what fails; to be sourced.
#
# Sets `source_dir` and `scratch`, which is removed at the end. Builds of a copy go to a
# directory of their own below cargo's: cargo would take a changed library for the real one.
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
target_dir="$(realpath -m "${CARGO_TARGET_DIR:-$source_dir/target}")"
export RUST_BACKTRACE=0
# Loom's own variables are ignored: some end an exploration as if it had succeeded.
unset "${!LOOM_@}"

# copy_crate [FOLDER]: a fresh copy of the crate there, or in $scratch/crate.
copy_crate() {
    local folder="${1:-$scratch/crate}"
    rm -rf "$folder"
    mkdir -p "$folder"
    tar -C "$source_dir" --exclude='./target*' --exclude=./.git -cf - . | tar -C "$folder" -xf -
}

# As in loom.sh and shuttle.sh: other flags would be another build.
loom_flags="--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize"

# with_loom COMMAND...: in the copy, with what a model needs.
with_loom() (
    cd "$scratch/crate"
    RUSTFLAGS="$loom_flags" CARGO_TARGET_DIR="$target_dir/loom/mutants" "$@"
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

# build_fuzz MODE DIR [TARGET]: the fuzzing targets of the crate in the current directory, or
# one of them, below DIR. By mode: under AddressSanitizer ("address"), or without it, for
# volume ("volume"). Without a look at the operands of comparisons, which takes a third of the
# time and tells little where almost every byte is a choice.
build_fuzz() {
    local options=(--sanitizer address)
    [[ "$1" == address ]] || options=(--sanitizer none --features volume)
    # Coverage and sanitizers are unstable; this makes the stable toolchain accept them.
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$2/$1" cargo fuzz build --release --debug-assertions \
        "${options[@]}" --no-trace-compares "${@:3}"
}

# run_fuzz MODE DIR TARGET ARGUMENT...: one that was built.
run_fuzz() {
    local binary
    binary="$(echo "$2/$1"/*/release/"$3")"
    shift 3
    # Inputs are long from the start. A feature is an edge, not also how often it was taken,
    # and all kept inputs are as likely to be changed: else libFuzzer's bookkeeping takes most
    # of the time. No search for leaks: garbage that waits for the collector looks like one
    # after every input. Others look for leaks. No input frees nearly 16 MB.
    ASAN_OPTIONS="quarantine_size_mb=16:malloc_context_size=8" "$binary" -max_len=256 \
        -len_control=0 -use_counters=0 -entropic=0 -reload=0 -timeout=10 -detect_leaks=0 \
        -print_final_stats=1 "$@"
}
