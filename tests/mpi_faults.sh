#!/usr/bin/env bash
# mpi_faults.sh SORAGRAD QUICKSTART FOLDER SHIM: several processes that train one run are told to stop,
# killed, or fail. All end within ten seconds, one line tells why, nothing that was saved is lost, and
# the run goes on to the bits of an undisturbed one with another number of processes.
# SHIM: the library of tests/faults/shim.cpp.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3 shim=$4
command -v mpirun >/dev/null || { echo "SKIPPED: mpirun is not installed (openmpi-bin)"; exit 0; }
"$soragrad" --version | grep -q '^backends .*mpi' || { echo "SKIPPED: built without MPI"; exit 0; }
rm -rf -- "$folder"
mkdir -p -- "$folder/0/CoLA" "$folder/1/CoLA"
cd -- "$folder"
# Process r works in the folder r; `data=/proc/self/cwd` is another folder for each.
for rank in 0 1; do
  head -n 105 "$quickstart/data/CoLA/train.tsv" >"$rank/CoLA/train.tsv"
  head -n 40 "$quickstart/data/CoLA/dev.tsv" >"$rank/CoLA/dev.tsv"
done
launch=(mpirun --allow-run-as-root --oversubscribe)
keys=(model="$quickstart/model" data="$folder/0" task=cola threads=1 per_device_train_batch_size=4
  gradient_accumulation_steps=4 logging_steps=1 eval_steps=100 save_steps=30 save_total_limit=100
  hidden_dropout_prob=0.1 learning_rate=5e-3 xi=0.5 max_steps=120)

fail() {
  echo "$*"
  tail -n 8 ./*.err
  exit 1
}
# The program, which writes its process number to OUTPUT.RANK.pid.
cat >program.sh <<'S'
output=$1
shift
echo $$ >"$output.$OMPI_COMM_WORLD_RANK.pid"
exec "$@"
S
# start N OUTPUT KEYS...: in the background; its number is in $job.
start() {
  local n=$1 output=$2
  shift 2
  rm -f "$output".*.pid
  "${launch[@]}" -n "$n" bash program.sh "$output" "$soragrad" train output="$output" "${keys[@]}" \
    "$@" >"$output.out" 2>"$output.err" &
  job=$!
}
until_checkpoint() {
  until compgen -G "$1/checkpoints/step-*" >/dev/null; do
    kill -0 "$job" 2>/dev/null || fail "$1 was over before its first checkpoint"
    sleep 0.02
  done
}
# send SIGNAL PID...
send() {
  kill -s "$@" 2>/dev/null || true
  disturbed=$SECONDS
}
# ended OUTPUT CODE...: the job ends with one of the codes, within ten seconds of a signal.
disturbed=
ended() {
  local output=$1 code=0
  shift
  wait "$job" || code=$?
  [ -z "$disturbed" ] || [ $((SECONDS - disturbed)) -le 10 ] || fail "$output: the others ran on"
  disturbed=
  [[ " $* " == *" $code "* ]] || fail "$output ended with exit code $code instead of $*"
  [ ! -e "$output/results.json" ] || fail "$output was over before it was disturbed"
}
log() { sed -E 's/, "step_seconds": [^}]*//' "$1/metrics.jsonl"; }
# goes_on N OUTPUT: resumed by N processes it ends with the bits of `whole`.
goes_on() {
  local n=$1 output=$2
  "${launch[@]}" -n "$n" "$soragrad" train --resume "$output" >>"$output.out" 2>>"$output.err" ||
    fail "$output does not go on with $n processes"
  cmp <(log whole) <(log "$output") || fail "$output has another log than an undisturbed run"
  cmp whole/gates.bin "$output/gates.bin" || fail "$output has other gates"
  for part in best final; do
    cmp "whole/$part/adapter_model.safetensors" "$output/$part/adapter_model.safetensors" ||
      fail "$output: other weights in $part"
  done
}
# one_line OUTPUT TEXT: soragrad tells one error, and it has the text.
one_line() {
  [ "$(grep -c '^soragrad: ' "$1.err")" = 1 ] || fail "$1: not one line about an error"
  grep -q -e "^soragrad: $2" "$1.err" || fail "$1: an error, but not '$2'"
}
"$soragrad" train output=whole "${keys[@]}" >whole.out 2>whole.err || fail "no run by one process"

# A signal to any process: all save once, and end with 75.
for case in "USR1 1 3" "TERM 0 2"; do
  read -r signal rank n <<<"$case"
  start "$n" "$signal"
  until_checkpoint "$signal"
  send "$signal" "$(cat "$signal.$rank.pid")"
  ended "$signal" 75
  [ "$(grep -c '^stopped by ' "$signal.err")" = 1 ] || fail "$signal: not one line about the stop"
done
goes_on 2 USR1
goes_on 3 TERM

# kill -9 of one process, of the first, and of all at once.
for case in "one 1" "first 0"; do
  read -r name rank <<<"$case"
  start 2 "$name"
  until_checkpoint "$name"
  send KILL "$(cat "$name.$rank.pid")"
  ended "$name" 137 1
  goes_on 2 "$name"
done
start 2 all
until_checkpoint all
send KILL "$job" "$(cat all.0.pid)" "$(cat all.1.pid)"
ended all 137
goes_on 3 all

# The disk of the first process is full: its 40th and later fsync(2) fail.
cat >full_disk.sh <<S
if [ "\$OMPI_COMM_WORLD_RANK" = 0 ]; then
  export LD_PRELOAD="$shim" FAULT_CALL=fsync FAULT_NTH=40 FAULT_ERRNO=28 FAULT_LASTS=1
fi
exec "\$@"
S
"${launch[@]}" -n 2 bash full_disk.sh "$soragrad" train output=full "${keys[@]}" >full.out 2>full.err &
job=$!
ended full 1
one_line full "process 0 on .*No space left on device"
goes_on 2 full

# What one process alone has otherwise, and an error of one process.
different() {  # OUTPUT CODE KEYS-OF-0 -- KEYS-OF-1
  local output=$1 code=$2 own=()
  shift 2
  while [ "$1" != -- ]; do own+=("$1"); shift; done
  shift
  "${launch[@]}" \
    -n 1 --wdir "$folder/0" "$soragrad" train output="$folder/$output" "${keys[@]}" "${own[@]}" : \
    -n 1 --wdir "$folder/1" "$soragrad" train output="$folder/$output" "${keys[@]}" "$@" \
    >"$output.out" 2>"$output.err" &
  job=$!
  ended "$output" "$code"
}
different keys 1 seed=1 -- seed=2
one_line keys "process 0 on .*configuration differs: process 1 .* has seed: 2, process 0 .* has seed: 1;"
sed -i '7s/.$/ indeed./' 1/CoLA/train.tsv
different data 1 data=/proc/self/cwd -- data=/proc/self/cwd
one_line data "process 0 on .*training data differs: process 1 .* has 105 rows .* has 105 rows "
rm 1/CoLA/train.tsv
different missing 1 data=/proc/self/cwd -- data=/proc/self/cwd
one_line missing "process 1 on .*train"

# A mistake of all is told once.
start 3 wrong learning_rate=x
ended wrong 2
one_line wrong "process 0 on .*learning_rate"
start 2 diverged learning_rate=1e30 max_grad_norm=0 warmup_ratio=0
ended diverged 1
one_line diverged "process 0 on .*not finite"
"${launch[@]}" -n 2 "$soragrad" pretrain >pretrain.out 2>pretrain.err && fail "pretrain by two" || true
one_line pretrain "\[mpi\] 2 processes were started to pretrain, which one does"
echo "signals, kills, a full disk and differences: one line each, and the same bits after it"

# SPDX-License-Identifier: Apache-2.0
