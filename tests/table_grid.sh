#!/usr/bin/env bash
# table_grid.sh SORAGRAD QUICKSTART FOLDER STEPS: a grid of 12 runs done at once, killed half-way with
# kill -9 and continued, and shared by two processes: the same table each time.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3 steps=$4
rm -rf -- "$folder"
mkdir -p -- "$folder/glue/CoLA" "$folder/glue/SST-2"
cd -- "$folder"
# Two tasks from the quickstart's sentences: CoLA's files, and the same rows in SST-2's format.
for part in train dev; do
  head -n 160 "$quickstart/data/CoLA/$part.tsv" >"glue/CoLA/$part.tsv"
  { printf 'sentence\tlabel\n' && awk -F '\t' '{print $4 "\t" $2}' "glue/CoLA/$part.tsv"; } \
    >"glue/SST-2/$part.tsv"
done
cat >recipe.yaml <<YAML
output: nowhere
seeds: [1, 2]
common:
  model: $quickstart/model
  data: glue
  max_steps: $steps
  save_steps: 4
  eval_steps: $steps
  per_device_train_batch_size: 8
  learning_rate: 5.0e-3
  threads: 1
methods:
  sora-r4: {method: sora, r: 4, xi: 0.5}
  lora: {r: 4}
  houlsby: {bottleneck: 4}
tasks: {cola: {}, sst2: {}}
YAML
table() { "$soragrad" table recipe.yaml output="$1" --format csv "${@:2}" 2>>"$1.log"; }
results() { find "$1" -name results.json 2>/dev/null | wc -l; }

table whole >whole.csv
[ "$(results whole)" -eq 12 ]
[ "$(grep -c ',2,' whole.csv)" -eq 6 ] || { echo "cells lack seeds:"; cat whole.csv; exit 1; }

(exec "$soragrad" table recipe.yaml output=killed >/dev/null 2>killed.log) &
pid=$!
while sleep 0.01; do  # the grid stands still while it is looked at, however busy the machine is
  kill -STOP "$pid" 2>/dev/null || { cat killed.log; echo "the grid ended before the kill"; exit 1; }
  if [ "$(results killed)" -ge 5 ] && compgen -G 'killed/*/checkpoints/step-*' >/dev/null; then
    break
  fi
  kill -CONT "$pid" 2>/dev/null || true
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
[ "$(results killed)" -lt 12 ] || { echo "the grid was over before it was killed"; exit 1; }
table killed >killed.csv
cmp whole.csv killed.csv
cmp whole/table.csv killed/table.csv

table shared --shard 1/2 >/dev/null &
pid=$!
table shared --shard 2/2 >/dev/null
wait "$pid"
[ "$(results shared)" -eq 12 ]
table shared --print-only >shared.csv
cmp whole.csv shared.csv
for run in whole/*/; do  # the runs themselves, bit for bit
  for other in killed shared; do
    cmp "$run/final/adapter_model.safetensors" "$other/${run#whole/}/final/adapter_model.safetensors"
  done
done

if table whole learning_rate=1e-3 --print-only >/dev/null; then
  echo "a table of other settings took the old runs"
  exit 1
fi
grep -q 'was started with learning_rate=' whole.log
echo "the same table three times"

# SPDX-License-Identifier: Apache-2.0
