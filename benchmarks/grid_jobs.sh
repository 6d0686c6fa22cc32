#!/usr/bin/env bash
# grid_jobs.sh SORAGRAD QUICKSTART FOLDER [ROUNDS]: a grid of 24 tiny runs by `table --jobs 2`, each worker
# with half of the cores, against one worker with all cores. Interleaved; prints seconds of each
# round, the ratio one worker / two workers, and its spread. Wants an idle machine.
set -euo pipefail
soragrad=$(readlink -f -- "$1") quickstart=$(readlink -f -- "$2") folder=$3 rounds=${4:-5}
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
cat >recipe.yaml <<YAML
output: nowhere
seeds: [1, 2, 3, 4, 5, 6]
common: {model: $quickstart/model, data: $quickstart/data, max_steps: 60, eval_steps: 60}
methods:
  sora: {r: 4, xi: 0.5}
  lora: {r: 4}
  houlsby: {bottleneck: 4}
  bitfit: {}
tasks: {cola: {}}
YAML
seconds() {  # OPTION...
  local begin=$EPOCHREALTIME
  rm -rf out
  "$soragrad" table recipe.yaml output=out "$@" >/dev/null 2>>log
  awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN {printf "%.2f", end - begin}'
}
for ((round = 1; round <= rounds; ++round)); do
  one=$(seconds --worker)
  two=$(seconds --jobs 2)
  echo "$one $two"
done | awk '{
  printf "round %d: one worker %s s, two workers %s s, ratio %.2f\n", NR, $1, $2, $1 / $2
  ratio = $1 / $2; sum += ratio
  if (NR == 1 || ratio < low) low = ratio
  if (ratio > high) high = ratio
} END {printf "ratio %.2f (%.2f to %.2f) over %d rounds\n", sum / NR, low, high, NR}'

# SPDX-License-Identifier: Apache-2.0
