#!/usr/bin/env bash
# interruptions.sh SORAGRAD QUICKSTART FOLDER COUNT: interrupts a run at COUNT moments spread over its
# life, from exec to exit, by HUP, INT, TERM, USR1 and USR2 in turn, and by KILL at every second one.
# Whatever is left must continue to the bits of a run that was left alone, with nothing half-written.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3 count=$4
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
signals=(HUP INT TERM USR1 USR2)
declare -A codes=([HUP]=129 [INT]=130 [TERM]=143 [USR1]=75 [USR2]=140)

# A short run with everything in it: checkpoints, evaluations, best/, a test split, final/.
start() {  # RUN
  exec "$soragrad" train model="$quickstart/model" data="$quickstart/data" task=cola output="$1" \
    test_file="$quickstart/data/CoLA/dev.tsv" max_steps=40 save_steps=6 logging_steps=1 \
    eval_steps=9 threads=1 xi=0.3 per_device_train_batch_size=8 >"$1.out" 2>"$1.err"
}
log() { sed -E 's/, "step_seconds": [^}]*//' "$1/metrics.jsonl"; }
numbers() {  # of results.json, without times, memory and paths
  grep -vE 'seconds|peak_|_bytes|tokens_per' "$1/results.json"
}
now() { echo $((10#$(date +%s%N) / 1000000)); }
fault() {
  echo "moment $moment of $count, $signal after $delay s: $*"
  tail -3 run.err || true
  faults=$((faults + 1))
}

begin=$(now)
(start whole)
life=$(($(now) - begin))
resumed=0 finished=0 begun=0 faults=0
for ((moment = 1; moment <= count; ++moment)); do
  rm -rf run run.out run.err
  signal=${signals[$((moment / 2 % 5))]}
  ((moment % 2)) || signal=KILL
  delay=$(printf '%d.%03d' $((life * moment / count / 1000)) $((life * moment / count % 1000)))
  (start run) &
  pid=$!
  sleep "$delay"
  kill -"$signal" "$pid" 2>/dev/null || true
  code=0
  wait "$pid" 2>/dev/null || code=$?
  if [ "$code" = 0 ]; then  # it was over, or the signal came in its last moment
    finished=$((finished + 1))
  elif [ ! -e run/config.yaml ]; then  # before there was anything to keep
    begun=$((begun + 1))
    [ ! -e run/checkpoints ] || fault "a checkpoint without config.yaml"
    (start run) || fault "the run does not start again"
    finished=$((finished + 1))
    code=0
  else
    [ "$signal" = KILL ] || [ "$code" = "${codes[$signal]}" ] || fault "exit code $code"
    if "$soragrad" train --resume run >>run.out 2>>run.err; then
      resumed=$((resumed + 1))
    else
      fault "exit code $? of --resume"
      continue
    fi
  fi
  cmp -s <(log whole) <(log run) || fault "metrics.jsonl differs"
  for file in best/adapter_model.safetensors final/adapter_model.safetensors gates.bin \
    evaluation.json; do
    cmp -s "whole/$file" "run/$file" || fault "$file differs"
  done
  cmp -s <(numbers whole) <(numbers run) || fault "results.json differs"
  left=$(find run -name '*.tmp.*' -o -name '.new-*' -o -name '.old-*' -o -name '.gone-*')
  [ -z "$left" ] || fault "left behind: $left"
done
echo "$count interruptions in a run of $life ms: $resumed continued, $begun before the run began," \
  "$faults faults"
[ "$faults" = 0 ] && [ $((resumed * 2)) -ge "$count" ]

# SPDX-License-Identifier: Apache-2.0
