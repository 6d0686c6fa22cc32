#!/usr/bin/env bash
# kill_and_resume.sh SORAGRAD QUICKSTART FOLDER STEPS: kill -9 after a checkpoint, --resume, compare;
# for `train`, and for `pretrain`, which goes on with another number of threads.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3 steps=$4
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
cut -f 4 "$quickstart/data/CoLA/train.tsv" >corpus.txt
cut -f 4 "$quickstart/data/CoLA/dev.tsv" >validation.txt

train() {  # OUTPUT, in a subshell, which becomes the program
  exec "$soragrad" train model="$quickstart/model" data="$quickstart/data" task=cola output="$1" \
    max_steps="$steps" save_steps=10 logging_steps=1 eval_steps=25 threads=1 xi=0.3 \
    per_device_train_batch_size=16 2>"$1.log" >"$1.txt"
}
pretrain() {
  exec "$soragrad" pretrain model="$quickstart/model" corpus=corpus.txt \
    validation_corpus=validation.txt output="$1" max_steps=$((steps / 2)) save_steps=5 \
    logging_steps=1 eval_steps=20 threads=2 per_device_train_batch_size=8 max_seq_length=32 \
    2>"$1.log" >"$1.txt"
}

kill_after_checkpoint() {  # VERB OUTPUT
  "$1" "$2" &
  local pid=$!
  until compgen -G "$2/checkpoints/step-*" >/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
      cat "$2.log"
      echo "the run ended before it could be killed"
      exit 1
    fi
  done
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
  [ ! -e "$2/results.json" ] || { echo "the run was over before it was killed"; exit 1; }
}
steps() { sed -E 's/, "step_seconds": [0-9.e+-]*//' "$1/metrics.jsonl"; }

(train whole)
kill_after_checkpoint train killed
"$soragrad" train --resume killed 2>>killed.log >>killed.txt
cmp <(steps whole) <(steps killed)
cmp whole/final/adapter_model.safetensors killed/final/adapter_model.safetensors
cmp whole/best/adapter_model.safetensors killed/best/adapter_model.safetensors
[ "$(steps whole | grep -c '"loss"')" -ge "$steps" ]

(pretrain whole-text)
kill_after_checkpoint pretrain killed-text
sed -i 's/^threads: 2/threads: 1/' killed-text/config.yaml
"$soragrad" pretrain --resume killed-text 2>>killed-text.log >>killed-text.txt
cmp <(steps whole-text) <(steps killed-text)
cmp whole-text/final/model.safetensors killed-text/final/model.safetensors
cmp whole-text/final/generator/model.safetensors killed-text/final/generator/model.safetensors
[ "$(steps whole-text | grep -c '"rtd_loss"')" -ge $((steps / 2)) ]
echo "equal after kill -9 and --resume"

# SPDX-License-Identifier: Apache-2.0
