#!/usr/bin/env bash
# mpi.sh SORAGRAD QUICKSTART FOLDER: 1, 2, 3 and 4 processes train a run to the same bits of losses,
# norms and weights: every method, dropout on, 4 and 5 micro-batches a step, fewer of them than
# processes in the last step of an epoch. A run goes on with another number of processes; evaluation
# and predictions are those of one process.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3
command -v mpirun >/dev/null || { echo "SKIPPED: mpirun is not installed (openmpi-bin)"; exit 0; }
"$soragrad" --version | grep -q '^backends .*mpi' || { echo "SKIPPED: built without MPI"; exit 0; }
rm -rf -- "$folder"
mkdir -p -- "$folder/CoLA"
cd -- "$folder"
# 105 rows are 53 batches of 2: the last step of an epoch has 1 of 4 micro-batches, or 3 of 5.
head -n 105 "$quickstart/data/CoLA/train.tsv" >CoLA/train.tsv
head -n 50 "$quickstart/data/CoLA/dev.tsv" >CoLA/dev.tsv

# processes N COMMAND...
processes() {
  local n=$1
  shift
  if [ "$n" = 1 ]; then
    "$@"
    return
  fi
  # A folder of its own for each: where two mpirun share one, the first to end may remove it.
  local temporary code=0
  temporary=$(mktemp -d)
  TMPDIR=$temporary mpirun --allow-run-as-root --oversubscribe -n "$n" "$@" || code=$?
  rm -rf -- "$temporary"
  return "$code"
}
# start N OUTPUT KEYS...
start() {
  local n=$1 output=$2
  shift 2
  processes "$n" "$soragrad" train model="$quickstart/model" data=. task=cola output="$output" \
    threads=1 per_device_train_batch_size=2 logging_steps=1 eval_steps=14 \
    per_device_eval_batch_size=8 hidden_dropout_prob=0.1 attention_probs_dropout_prob=0.1 \
    learning_rate=5e-3 max_steps=40 "$@" >"$output.out" 2>"$output.err" ||
    fail "$output ended with exit code $?"
}
fail() {
  echo "$*"
  tail -n 5 ./*.err
  exit 1
}
log() { sed -E 's/, "step_seconds": [^}]*//' "$1/metrics.jsonl"; }
# same A B: logs, gates, evaluations and weights of two runs.
same() {
  cmp <(log "$1") <(log "$2") || fail "$2 has another log than $1"
  (cd "$1" && find . -name '*.safetensors' ! -path './checkpoints/*' -o -name gates.bin \
    -o -name evaluation.json) | while read -r file; do
    cmp "$1/$file" "$2/$file" || fail "$2: another $file than $1"
  done
  [ "$(log "$1" | grep -c '"loss"')" -ge 40 ] || fail "$1 has too few steps"
}

count=0
for method in sora lora adalora houlsby pfeiffer bitfit full; do
  keys=(method="$method")
  case $method in
    sora) keys+=(xi=1 sparse_lambda=1e-3) ;;
    adalora) keys+=(tinit=5 tfinal=10 deltaT=3) ;;
  esac
  start 1 "$method-4-1" gradient_accumulation_steps=4 "${keys[@]}" &
  start 1 "$method-5-1" gradient_accumulation_steps=5 "${keys[@]}"
  wait "$!" || exit 1
  count=$((count + 2))
  for n in 2 3 4; do  # two at a time: one is at work while the other begins or ends
    started=
    if [ "$method" = sora ] || [ "$n" = 3 ]; then
      start "$n" "$method-5-$n" gradient_accumulation_steps=5 "${keys[@]}" &
      started=$!
    fi
    start "$n" "$method-4-$n" gradient_accumulation_steps=4 "${keys[@]}"
    same "$method-4-1" "$method-4-$n"
    count=$((count + 1))
    [ -n "$started" ] || continue
    wait "$started" || exit 1
    same "$method-5-1" "$method-5-$n"
    count=$((count + 1))
  done
done

# A path of thresholds, and a run that stops early: rank 0 decides.
for n in 1 3; do
  start "$n" "path-$n" gradient_accumulation_steps=4 max_steps=14 schedule=linear xi=0.5 \
    xi_max=3 xi_steps=3 phase_epochs=1
  start "$n" "early-$n" gradient_accumulation_steps=4 early_stopping_patience=2 learning_rate=1e-6 \
    eval_steps=7
done
cmp <(log path-1) <(log path-3) || fail "another path of thresholds"
cmp path-1/path.json path-3/path.json || fail "another path.json"
cmp <(log early-1) <(log early-3) || fail "another early stop"
[ "$(log early-3 | grep -c '"grad_norm"')" -lt 40 ] || fail "no early stop"

# The number of micro-batches is the number of processes unless it is given; it is written down.
start 3 given max_steps=2
grep -q '^gradient_accumulation_steps: 3$' given/config.yaml || fail "3 processes, other micro-batches"

# A run of two processes that its time limit has ended goes on with one, with three, and with two.
start 1 alone gradient_accumulation_steps=5 xi=1 sparse_lambda=1e-3
start 2 half gradient_accumulation_steps=5 xi=1 sparse_lambda=1e-3 max_steps=17
for n in 1 2 3; do
  cp -r half "half-$n"
  processes "$n" "$soragrad" train --resume "half-$n" max_steps=40 \
    >>"half-$n.out" 2>>"half-$n.err" || fail "half-$n does not go on with $n processes"
done
cmp half-1/final/adapter_model.safetensors half-2/final/adapter_model.safetensors
cmp half-1/final/adapter_model.safetensors half-3/final/adapter_model.safetensors

# Evaluation and predictions, which are shared by batches.
for n in 1 3; do
  processes "$n" "$soragrad" eval --run alone --batch-size 8 --threads 1 >"eval-$n.json" 2>eval.err
  processes "$n" "$soragrad" predict --run alone --batch-size 8 --threads 1 --probabilities \
    --input CoLA/dev.tsv --output "predict-$n.tsv" >predict.out 2>predict.err
done
cmp eval-1.json eval-3.json
cmp predict-1.tsv predict-3.tsv
[ "$(wc -l <predict-3.tsv)" = 51 ] || fail "each of 50 rows is predicted once"
echo "1 to 4 processes: the same bits in $count runs"

# SPDX-License-Identifier: Apache-2.0
