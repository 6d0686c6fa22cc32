#!/usr/bin/env bash
# mpi_step.sh SORAGRAD QUICKSTART FOLDER [ROUNDS]: steps of two processes with a thread each against one
# process with two threads, on the quickstart's model. Interleaved; prints seconds a step of each
# round, their ratio with its spread, and what the exchange of gradients takes of a step, waiting
# included. Wants an idle machine of two cores.
set -euo pipefail
soragrad=$(readlink -f -- "$1") quickstart=$(readlink -f -- "$2") folder=$3 rounds=${4:-5}
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
step() {  # COMMAND... -> milliseconds a step
  "$@" train model="$quickstart/model" data="$quickstart/data" task=cola output=run overwrite=true \
    per_device_train_batch_size=8 gradient_accumulation_steps=2 max_steps=200 eval_steps=200 \
    --profile trace.json >run.out 2>run.err
  sed -nE 's/^ *"seconds_per_step": ([^,]*),?$/\1/p' run/results.json | awk '{printf "%.3f", 1000 * $1}'
}
exchange() {  # -> milliseconds a step
  tr '}' '\n' <trace.json | grep '"exchange"' | sed -nE 's/.*"dur": ?([0-9.]+).*/\1/p' |
    awk '{sum += $1} END {printf "%.3f", sum / 1000 / 200}'
}
for ((round = 1; round <= rounds; ++round)); do
  one=$(step "$soragrad")
  two=$(step mpirun --allow-run-as-root --oversubscribe -n 2 "$soragrad")
  echo "$one $two $(exchange)"
done | awk '{
  printf "round %d: 1 x 2 threads %s ms, 2 x 1 thread %s ms, of it %s ms exchange, ratio %.2f\n",
    NR, $1, $2, $3, $1 / $2
  ratio = $1 / $2; sum += ratio; exchange += $3
  if (NR == 1 || ratio < low) low = ratio
  if (ratio > high) high = ratio
} END {
  printf "ratio %.2f (%.2f to %.2f), exchange %.2f ms a step, over %d rounds\n", sum / NR, low, high,
    exchange / NR, NR
}'

# SPDX-License-Identifier: Apache-2.0
