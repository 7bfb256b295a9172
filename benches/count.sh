#!/bin/sh
# Counts instructions of the benches with callgrind, and prints them per span or data point, with the allocations per request.
# Usage: benches/count.sh [spans…]   (default: 10 100 1000)
set -eu
cd "$(dirname "$0")/.."
rounds=10 # As in benches/src/lib.rs.
[ $# -gt 0 ] || set -- 10 100 1000

cargo build --quiet --profile bench -p benches
# Wherever the target directory is configured to be.
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Callgrind counts every byte that "rep movsb" copies as one instruction. Let glibc copy with vectors at any size, as it
# does below two KiB, so that copying counts as what it costs.
GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1073741824
export GLIBC_TUNABLES

for bench in "walk view" "walk parse" "walk look" "walk append" "walk decompose" "walk all" "llm_phases all" "llm_phases enriched" "llm_phases named" \
    "metrics parse" "metrics resource" "metrics attributes" \
    "connectors span_metrics" "connectors span_metrics_exponential" "connectors span_metrics_dimensions" "connectors observe" \
    "connectors llm_metrics" "connectors llm_both" "pods pass" "pods attributes" \
    "gpu_context pass" "gpu_context join" "gpu_context share"; do
    name=${bench% *}
    what=${bench#* }
    for spans in "$@"; do
        allocations=$(valgrind --tool=callgrind --callgrind-out-file="$out" \
            --collect-atstart=no --toggle-collect='benches::measured*' \
            "$target/$name" "$what" "$spans" 2>/dev/null)
        total=$(sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$out" | head -n 1)
        echo "$name $what: $((total / rounds / spans)) instructions/item, $((total / rounds)) in all   $allocations"
    done
done

# Targets instead of spans: one page each.
for what in read2 write1 write2 all1 all2 otlp2; do
    for targets in 1 20; do
        allocations=$(valgrind --tool=callgrind --callgrind-out-file="$out" \
            --collect-atstart=no --toggle-collect='benches::measured*' \
            "$target/scrape" "$what" "$targets" 2>/dev/null)
        total=$(sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$out" | head -n 1)
        echo "scrape $what: $((total / rounds / targets / 460)) instructions/sample   $allocations"
    done
done
"$target/scrape" memory2 1085
"$target/pods" memory 110
