#!/usr/bin/env bash
# refusals.sh SORAGRAD QUICKSTART FOLDER: numbers out of range and outputs that cannot be written are
# refused before any work, in one short line; a run whose time is over ends with 75 and goes on.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3
rm -rf -- "$folder"
mkdir -p -- "$folder/a folder"
cd -- "$folder"
touch file
model=$quickstart/model data=$quickstart/data dev=$quickstart/data/CoLA/dev.tsv
faults=0
expect() {  # CODE ARGUMENTS...
  local code=0 want=$1
  shift
  "$soragrad" "$@" >out 2>err || code=$?
  if [ "$code" != "$want" ] || [ "$(wc -l <err)" != 1 ] || [ "$(wc -c <err)" -gt 500 ]; then
    echo "exit code $code, not $want, of: $*"
    head -3 err
    faults=$((faults + 1))
  fi
}
for length in 4294967304 2147483656 99999999999999999999 -5 0 2 1e2; do
  expect 2 eval --model "$model" --task cola --data "$data" --max-length "$length"
  expect 2 trace --model "$model" --task cola --input "$dev" --output t --max-length "$length"
done
expect 2 eval --model "$model" --task cola --data "$data" --batch-size 4294967297
expect 2 eval --model "$model" --task cola --data "$data" --threads 4294967297
expect 2 tokenize --model "$model" --max-length 2
expect 2 trace --model "$model" --task cola --input "$dev" --output t --rows 0
expect 2 trace --model "$model" --task cola --input "$dev" --output t --start -1
expect 2 trace --model "$model" --task cola --input "$dev" --output t --seed -1
for argument in seed=-1 seed=99999999999999999999 max_steps=4294967297 max_seconds=-1 \
  per_device_train_batch_size=0 max_seq_length=4294967304 threads=4294967297 max_train_samples=-3; do
  expect 2 train model="$model" data="$data" task=cola "$argument"
done

predict=(predict --model "$model" --task cola --input "$dev" --output)
trace=(trace --model "$model" --task cola --input "$dev" --output)
for output in "a folder" no/p.tsv file/p.tsv "$(printf 'a%.0s' {1..300})"; do
  expect 1 "${predict[@]}" "$output"
  expect 1 "${trace[@]}" "$output"
  expect 1 inspect "$model" --html "$output"
done
expect 1 train model="$model" data="$data" task=cola output=file
expect 1 train model="$model" data="$data" task=cola output=file/run
[ "$(ls)" = "$(printf 'a folder\nerr\nfile\nout')" ] || { ls; faults=$((faults + 1)); }

code=0
"$soragrad" train model="$model" data="$data" task=cola output=run max_steps=1000000 threads=1 \
  eval_steps=1000000 max_seconds=2 >out 2>err || code=$?
step=$(ls run/checkpoints | sed 's/step-//')
[ "$code" = 75 ] && [ "$step" -gt 0 ] || { echo "max_seconds: exit code $code"; faults=$((faults + 1)); }
"$soragrad" train --resume run max_seconds=0 max_steps=$((step + 2)) >out 2>err ||
  { cat err; faults=$((faults + 1)); }
grep -q "# from step $step: max_steps: $((step + 2)), before: 1000000" run/config.yaml ||
  { head -5 run/config.yaml; faults=$((faults + 1)); }
grep -q '"key": "max_steps"' run/results.json || { echo "no changed_keys"; faults=$((faults + 1)); }
# A damaged record of a finished run: every reader tells what to do.
echo '{"seconds": ' >run/results.json
for command in "train --resume run" "inspect run" "report run"; do
  # shellcheck disable=SC2086  # words
  expect 1 $command
  grep -q 'Remove the file' err || { echo "$command does not tell what to do"; faults=$((faults + 1)); }
done
rm run/results.json
"$soragrad" train --resume run >out 2>err || { cat err; faults=$((faults + 1)); }
echo "$faults faults"
[ "$faults" = 0 ]

# SPDX-License-Identifier: Apache-2.0
