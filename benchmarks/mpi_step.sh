#!/usr/bin/env bash
# mpi_step.sh SORAGRAD MODEL GLUE FOLDER [ROUNDS]: a step of two micro-batches of 8 CoLA rows, SoRA of
# rank 8, by two processes with a thread each and by one process with two threads. MODEL: a folder of
# benchmarks/peers/make_model.py. Interleaved; prints the median of the steps after the third of
# each round, the ratio with its spread, and the median of what the exchange of gradients takes of a
# step, waiting for the other process included, and its least. Wants an idle machine of two cores.
set -euo pipefail
soragrad=$(readlink -f -- "$1") model=$(readlink -f -- "$2") glue=$(readlink -f -- "$3")
folder=$4 rounds=${5:-5} steps=11
rm -rf -- "$folder"
mkdir -p -- "$folder/CoLA"
cd -- "$folder"
cp -- "$glue/CoLA/train.tsv" CoLA/
head -n 8 "$glue/CoLA/dev.tsv" >CoLA/dev.tsv
keys=(model="$model" data=. task=cola method=sora r=8 output=run overwrite=true logging_steps=1
  per_device_train_batch_size=8 gradient_accumulation_steps=2 max_steps="$steps" eval_steps="$steps")
launch=(mpirun --allow-run-as-root --oversubscribe --bind-to core -n 2)
values() { sort -g | awk '{v[NR] = $1} END {printf "%.1f %.1f", v[int((NR + 1) / 2)], v[1]}'; }  # median, least
step() {  # COMMAND... -> milliseconds a step
  "$@" train "${keys[@]}" >run.out 2>run.err
  sed -nE 's/.*"step_seconds": ([0-9.e-]+).*/\1/p' run/metrics.jsonl | tail -n +4 |
    awk '{print 1000 * $1}' | values | cut -d' ' -f1
}
exchange() {  # -> milliseconds a step: median, least
  "${launch[@]}" "$soragrad" train "${keys[@]}" --profile trace.json >run.out 2>run.err
  tr '}' '\n' <trace.json | grep '"exchange"' | sed -nE 's/.*"dur": ?([0-9.]+).*/\1/p' |
    awk 'NR > 6 {sum += $1; if (NR % 2 == 0) {print sum / 1000; sum = 0}}' | values
}
for ((round = 1; round <= rounds; ++round)); do
  one=$(step "$soragrad")
  two=$(step "${launch[@]}" "$soragrad")
  echo "$one $two"
done | awk '{
  printf "round %d: 1 x 2 threads %s ms, 2 x 1 thread %s ms, ratio %.2f\n", NR, $1, $2, $1 / $2
  ratio = $1 / $2; sum += ratio
  if (NR == 1 || ratio < low) low = ratio
  if (ratio > high) high = ratio
} END {printf "ratio %.2f (%.2f to %.2f) over %d rounds\n", sum / NR, low, high, NR}'
read -r median least <<<"$(exchange)"
echo "exchange: $median ms of a step, $least ms at least"

# SPDX-License-Identifier: Apache-2.0
