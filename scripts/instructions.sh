#!/usr/bin/env bash
# Instructions per call, counted by valgrind: the same on a quiet and on a busy
# machine, so a change of a few percent can be seen where times cannot show it.
# Compares with benches/record/instructions.txt and fails if a call needs over
# 3 % more. With --record it writes that file anew instead.
# Needs valgrind. The counts depend on the compiler: the record names its version.
set -euo pipefail
cd "$(dirname "$0")/.."

record=benches/record/instructions.txt
times=200000
calls=(get_hit get_snapshot get_batch get_miss set churn incr walk)

cargo build --quiet --release --locked -p epochkv-bench --bin instructions
program=${CARGO_TARGET_DIR:-target}/release/instructions

# All instructions of a run.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$times" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

baseline=$(count baseline)
counts=""
for call in "${calls[@]}"; do
    total=$(count "$call")
    counts+=$(awk -v call="$call" -v more="$((total - baseline))" -v times="$times" \
        'BEGIN { printf "%-13s %.1f", call, more / times }')$'\n'
done

if [[ ${1:-} == --record ]]; then
    {
        echo "# Instructions per call, by scripts/instructions.sh --record"
        echo "# $(rustc --version), $(uname -m)"
        printf '%s' "$counts"
    } >"$record"
    cat "$record"
    exit
fi

[[ -f $record ]] || { echo "no $record: run $0 --record first" >&2; exit 1; }
awk '
    /^#/ { next }
    NR == FNR { before[$1] = $2; next }
    !($1 in before) { printf "%-13s %8.1f  (not in the record)\n", $1, $2; failed = 1; next }
    {
        change = 100 * ($2 / before[$1] - 1)
        printf "%-13s %8.1f  before %8.1f  %+6.1f %%\n", $1, $2, before[$1], change
        if (change > 3) failed = 1
    }
    END { exit failed }
' "$record" <(printf '%s' "$counts")
