#!/usr/bin/env bash
# table_workers.sh SORAGRAD QUICKSTART FOLDER STEPS: a grid of 8 runs shared by workers - two at once,
# one killed with kill -9, one stopped and woken after its run was taken over, commands of `--emit
# tasks` - gives the table of a single process to the byte. A failed run keeps its first error.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3 steps=$4
rm -rf -- "$folder"
mkdir -p -- "$folder/glue/CoLA"
cd -- "$folder"
for part in train dev; do
  head -n 160 "$quickstart/data/CoLA/$part.tsv" >"glue/CoLA/$part.tsv"
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
  logging_steps: 1
  per_device_train_batch_size: 8
  learning_rate: 5.0e-3
methods:
  sora-r4: {method: sora, r: 4, xi: 0.5}
  lora: {r: 4}
  houlsby: {bottleneck: 4}
  bitfit: {}
tasks: {cola: {}}
YAML
table() { "$soragrad" table recipe.yaml output="$1" "${@:2}" 2>>"$1.log"; }
fail() {
  echo "$*"
  tail -n 5 ./*.log
  exit 1
}
same_as_whole() {  # OUTPUT: the table and every adapter, bit for bit
  table "$1" --print-only --format csv >"$1.csv"
  cmp whole.csv "$1.csv" || fail "$1 has another table"
  for run in whole/*/; do
    cmp "$run/final/adapter_model.safetensors" \
      "$1/${run#whole/}/final/adapter_model.safetensors" || fail "$1 has other weights"
  done
  [ -z "$(find "$1" -name 'lease-*' -o -name '.n*' -o -name error.json)" ] || fail "$1: leftovers"
}
wait_for() {  # GLOB: a file that a worker writes
  for ((i = 0; i < 3000; ++i)); do
    compgen -G "$1" >/dev/null && return
    sleep 0.02
  done
  fail "$1 did not appear"
}

table whole --format csv >whole.csv

table jobs --jobs 2 --format csv >jobs.csv
cmp whole.csv jobs.csv || fail "--jobs 2 printed another table"
same_as_whole jobs
grep -q '^\[2\] run' jobs.log || fail "the second worker did nothing"

# Killed in the middle of a run; the next worker goes on from its checkpoint at once.
(exec "$soragrad" table recipe.yaml output=killed --worker >/dev/null 2>killed.log) &
pid=$!
wait_for 'killed/*/checkpoints/step-*'
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
table killed --worker >/dev/null
same_as_whole killed

# Stopped for three beats: the next worker takes the run over, and the stopped one writes no more.
(exec "$soragrad" table recipe.yaml output=stopped --worker --heartbeat 0.3 >/dev/null 2>woken.log) &
pid=$!
wait_for 'stopped/*/metrics.jsonl'
kill -STOP "$pid"
table stopped --worker --heartbeat 0.3 >/dev/null
same_as_whole stopped
digest() { find stopped -type f -print0 | sort -z | xargs -0 sha256sum; }
digest >before.txt
kill -CONT "$pid"
code=0
wait "$pid" || code=$?
[ "$code" = 1 ] || fail "the woken worker ended with $code"
digest | cmp - before.txt || fail "the woken worker wrote"
[ "$(grep -c '^soragrad: .*was taken over by' woken.log)" = 1 ] || fail "no line about the takeover"

# The lines of --emit tasks do the work, and none is left after them.
table tasks --emit tasks >tasks.txt
[ "$(wc -l <tasks.txt)" = 8 ] || fail "not one task a run"
while IFS= read -r line; do
  sh -c "$line" >/dev/null 2>>tasks.log </dev/null || fail "a task failed: $line"
done <tasks.txt
same_as_whole tasks
[ -z "$(table tasks --emit tasks)" ] || fail "a done run is emitted"
table tasks --status >status.txt
grep -q '^done     8 of 8$' status.txt || fail "--status does not count 8 runs"

# A run whose folder is in the way fails; the others are done, and --status keeps the first error.
# Both workers may have tried it at the same moment.
mkdir -p failed/cola-lora-1
echo x >failed/cola-lora-1/notes.txt
code=0
table failed --jobs 2 >/dev/null || code=$?
[ "$code" = 1 ] || fail "a grid with a failed run ended with $code"
table failed --status >status.txt
grep -q '^done     7 of 8$' status.txt || fail "the others were not done"
grep -q 'cola-lora-1  failed \(2 times \)\?on .*is left alone' status.txt || fail "the error is not shown"
rm failed/cola-lora-1/notes.txt
table failed --worker >/dev/null
same_as_whole failed

code=0
table jobs --jobs x >/dev/null || code=$?
[ "$code" = 2 ] || fail "--jobs x ended with $code"
echo "8 runs, the same table by every way"

# SPDX-License-Identifier: Apache-2.0
