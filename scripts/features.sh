#!/usr/bin/env bash
# Checks the library with none, each, each two, all but one and all of its optional features,
# warnings denied. A feature that needs another one, or changes what that one sees, shows here.
set -euo pipefail
cd "$(dirname "$0")/.."
features=(serde json dump metrics tracing tokio)

# None may be missing above: what the manifest has beside them is for tests.
listed="$(sed -n '/^\[features\]/,/^\[dependencies\]/s/^\([a-z-]*\) = .*/\1/p' Cargo.toml |
    grep -vx tokio-test | sort | xargs)"
if [[ "$listed" != "$(printf '%s\n' "${features[@]}" | sort | xargs)" ]]; then
    echo "the manifest has the features: $listed" >&2
    exit 1
fi

combinations=0
for ((set = 0; set < 1 << ${#features[@]}; set++)); do
    chosen=()
    for at in "${!features[@]}"; do
        (((set >> at) & 1)) && chosen+=("${features[at]}")
    done
    if ((${#chosen[@]} > 2 && ${#chosen[@]} < ${#features[@]} - 1)); then
        continue
    fi
    ((++combinations))
    names="$(IFS=,; echo "${chosen[*]:-}")"
    if ! output="$(cargo clippy --locked --quiet --lib --features "$names" -- -D warnings 2>&1)"; then
        printf '%s\n' "$output" >&2
        echo "failed with the features: $names" >&2
        exit 1
    fi
done
echo "$combinations combinations of features, no warning"
