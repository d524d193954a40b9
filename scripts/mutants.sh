#!/usr/bin/env bash
# Mutation testing: the mutants that cargo-mutants names, judged by the package `mutants`
# from one build of a copy of the crate. A mutant that has a result is not judged again;
# so a run that was stopped goes on where it was. docs/MUTANTS.md explains it.
#
#   scripts/mutants.sh                     all of src
#   scripts/mutants.sh src/kv src/key.rs   these, in this order
#   scripts/mutants.sh --again PLACE...    those there that no test has caught and that
#                                          mutants/survivors.txt does not explain
#   scripts/mutants.sh --models            of each loom model that no planted bug and no row of
#                                          the ledger makes fail, whether a mutant does; those
#                                          that were seen to are in mutants/models.txt
#   scripts/mutants.sh --apart             those that have no switch, by cargo-mutants
#   scripts/mutants.sh --report            a table of the results so far
#
# MUTANTS_SLOWEST   tests that take longer do not judge (1 second)
# MUTANTS_TESTS     only tests judge whose "program name" has one of these parts (a,b,c), or
#                   has not this one (!a)
# MODELS_TRY        how many mutants a model is asked about at most (300)
# MUTANTS_JOBS      how many tests run at once (2)
# MUTANTS_THROUGH   a command that starts each step, such as a lock
# MUTANTS_FOR       how long a step may take at most (seconds)
#
# Results are below target/mutants. Needs cargo-mutants, and `--apart` cargo-nextest, which are
# installed if they are missing.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
cd "$source_dir"
work="$target_dir/mutants"
read -r -a through <<<"${MUTANTS_THROUGH:-env}"
mkdir -p "$work"

# report: counts by file, of the mutants that there are now. One that hangs is caught, and
# what was caught once stays so. Then those that survive without a reason in survivors.txt.
report() {
    {
        sed 's/^/survivor\t/' mutants/survivors.txt
        cat "$work"/results "$work"/results-* 2>/dev/null
        grep -o '"name": "[^"]*[^\\]"' "$work/list.json" | sed 's/^"name": "/there\t\t/; s/"$//; s/\\"/"/g'
    } | awk -F'\t' '
        $1 == "survivor" {
            if ($2 ~ /^(the same|soon|models)$/) section = $2
            else if ($2 ~ /^src/) explained[$2] = section
            next
        }
        $1 == "there" { there[$3]; next }
        outcome[$3] != "caught" && outcome[$3] != "hung" { outcome[$3] = $1 }
        END {
            for (name in there) {
                if (!(name in outcome)) { unjudged++; continue }
                file = name; sub(/:.*/, "", file)
                kind = outcome[name] == "sometimes" ? "missed" : outcome[name]
                files[file]; count[file, kind]++; all[kind]++
                # Without its place, which moves.
                key = name; sub(/:[0-9]+:[0-9]+:/, ":", key)
                if (kind == "missed" && key in explained) {
                    count[file, "explained"]++; of[explained[key]]++
                } else if (kind == "missed") open[name]
            }
            print "| file | caught | of these by hanging | missed | of these explained | do not build |"
            print "| --- | ---: | ---: | ---: | ---: | ---: |"
            sort = "sort"
            for (file in files)
                printf "| `%s` | %d | %d | %d | %d | %d |\n", file, count[file, "caught"] + count[file, "hung"],
                    count[file, "hung"], count[file, "missed"], count[file, "explained"],
                    count[file, "unviable"] | sort
            close(sort)
            caught = all["caught"] + all["hung"]; judged = caught + all["missed"]
            printf "\n%d of %d caught; without the %d that are the same program, %.1f %%\n",
                caught, judged, of["the same"], 100 * caught / (judged - of["the same"])
            printf "explained: the same %d, how soon %d, other interleavings %d; not judged: %d\n",
                of["the same"], of["soon"], of["models"], unjudged
            for (name in open) print "not explained: " name | sort
        }'
}

# models_known: the models that are known to fail: by a mutant, a planted bug, a weaker ordering.
models_known() {
    cat mutants/models.txt
    sed -n 's/^by: loom /seen\tloom_/p' planted-bugs/*.patch | sed 's/::/ /'
    sed -n 's/^| .*| `\([a-z]*\)::\([a-z_:0-9]*\)` | caught.*/seen\tloom_\1 \2/p' docs/ORDERINGS.md
}

# keep_models: adds what was seen now, the first mutant for each model.
keep_models() {
    cat mutants/models.txt <(sed -n '/^seen/p' "$work/models") |
        awk -F'\t' '!seen[$2]++' | sort >"$work/models.txt"
    cp "$work/models.txt" mutants/models.txt
}

# Those that no switch can be made for, each by a build of its own: those that have no result
# yet, and those that survived without a reason.
apart() {
    local left status=0
    cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
    keep_apart
    left="$(left_apart)"
    [[ -n "$left" ]] || return 0
    copy_crate "$work/apart"
    cd "$work/apart"
    export CARGO_TARGET_DIR="$work/apart-build"
    "${through[@]}" cargo mutants --in-place --timeout 900 --no-times --colors never \
        --output "$work/apart-results" --re "$left" || status=$?
    # 2: some were missed; 3: some hung. Anything else is no result.
    [[ "$status" =~ ^[023]$ ]]
    keep_apart
}

# Adds what cargo-mutants has found, also in a run that was stopped.
keep_apart() {
    local outcome found
    for outcome in caught missed timeout unviable; do
        found="$work/apart-results/mutants.out/$outcome.txt"
        [[ ! -e "$found" ]] || sed "s/^/${outcome/timeout/hung}\t\t/" "$found" >>"$work/results-apart"
    done
    rm -rf "$work/apart-results"
}

# Which are left, as a pattern.
left_apart() {
    touch "$work/results-apart"
    perl - mutants/survivors.txt "$work/results-apart" "$work/apart.re" <<'PERL'
my %done;
while (<>) {
    chomp;
    if ($ARGV =~ /survivors/) { $done{$_} = 1 if /^src/ }
    elsif ($ARGV =~ /results/) { $done{$2} = 1 if /^(caught|hung|unviable)\t\t(.*)/ }
    else {
        print join "|", grep {
            my $name = s/^\^|\$$//gr =~ s/\\(.)/$1/gr;
            !$done{$name} && !$done{$name =~ s/:\d+:\d+:/:/r}
        } split /(?<=\$)\|(?=\^)/;
    }
}
PERL
}

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants
again=
models=
case "${1:-}" in
--report)
    report
    exit
    ;;
--apart)
    apart
    exit
    ;;
--models)
    models=1
    ;;
--again)
    again=1
    shift
    ;;
esac
[[ $# -gt 0 ]] || set -- src
[[ -z "$again" ]] || export MUTANTS_AGAIN=1
# Of tests/model.rs, which is run for nearly every mutant.
export EPOCHKV_CASES="${EPOCHKV_CASES:-250}"

cargo mutants --list --json >"$work/list.json"
"${through[@]}" cargo build --release --manifest-path mutants/Cargo.toml --target-dir "$work/tool"
tool="$work/tool/release/mutants"
copy_crate "$work/crate"
export CARGO_TARGET_DIR="$work/build"
"${through[@]}" "$tool" switch "$work/list.json" "$work/crate"
"${through[@]}" "$tool" build "$work/crate"
[[ -z "$models" ]] || models_known >"$work/models.known"
# 75: the step's time was over before its work.
status=75
while [[ "$status" == 75 ]]; do
    status=0
    if [[ -n "$models" ]]; then
        MUTANTS_TESTS="${MUTANTS_TESTS:-loom_}" "${through[@]}" "$tool" models "$work/crate" || status=$?
    else
        "${through[@]}" "$tool" judge "$work/crate" "$@" || status=$?
    fi
done
[[ "$status" == 0 ]]
if [[ -n "$models" ]]; then
    keep_models
    sort -u "$work/models"
else
    report
fi
