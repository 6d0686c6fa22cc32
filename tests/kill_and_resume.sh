#!/usr/bin/env bash
# kill_and_resume.sh SORAGRAD QUICKSTART FOLDER STEPS: kill -9 after a checkpoint, --resume, compare.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3 steps=$4
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
train() {  # in a subshell, which becomes the program
  exec "$soragrad" train model="$quickstart/model" data="$quickstart/data" task=cola output="$1" \
    max_steps="$steps" save_steps=10 logging_steps=1 eval_steps=25 threads=1 xi=0.3 \
    per_device_train_batch_size=16 2>"$1.log" >"$1.txt"
}
(train whole)

train killed &
pid=$!
until compgen -G 'killed/checkpoints/step-*' >/dev/null; do
  if ! kill -0 "$pid" 2>/dev/null; then
    cat killed.log
    echo "the run ended before it could be killed"
    exit 1
  fi
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
[ ! -e killed/results.json ] || { echo "the run was over before it was killed"; exit 1; }

"$soragrad" train --resume killed 2>>killed.log >>killed.txt
steps() { sed -E 's/, "step_seconds": [^}]*//' "$1/metrics.jsonl"; }
cmp <(steps whole) <(steps killed)
cmp whole/final/adapter_model.safetensors killed/final/adapter_model.safetensors
cmp whole/best/adapter_model.safetensors killed/best/adapter_model.safetensors
[ "$(steps whole | grep -c '"loss"')" -ge "$steps" ]
echo "equal after kill -9 and --resume"

# SPDX-License-Identifier: Apache-2.0
