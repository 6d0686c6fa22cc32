#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS [TARGET...]: libFuzzer on each target, or on all, for SECONDS each. New inputs are
# kept in BUILD/corpus/TARGET; what is a fault is left in BUILD/faults and ends the target's time.
set -euo pipefail
build=$1 seconds=$2
shift 2
program=$build/tests/fuzz/libfuzzer
mapfile -t targets < <([ $# -eq 0 ] && "$program" list || printf '%s\n' "$@")
mkdir -p -- "$build/faults"
faults=0
for target in "${targets[@]}"; do
  corpus=$build/corpus/$target
  mkdir -p -- "$corpus"
  "$program" "$target" seeds "$corpus"
  if ASAN_OPTIONS=allocator_may_return_null=1 "$program" "$target" "$corpus" \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -max_len=65536 \
    -artifact_prefix="$build/faults/$target-" >"$build/faults/$target.log" 2>&1; then
    echo "$target: $(grep -E '^Done' "$build/faults/$target.log"), no fault"
  else
    echo "$target: FAULT: $(grep -m1 -E 'ERROR|SUMMARY|not one line' "$build/faults/$target.log")"
    faults=$((faults + 1))
  fi
done
[ "$faults" = 0 ]

# SPDX-License-Identifier: Apache-2.0
