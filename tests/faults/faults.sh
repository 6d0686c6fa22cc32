#!/usr/bin/env bash
# faults.sh SORAGRAD SHIM QUICKSTART FOLDER [SANITIZE]: one failing system call in a short run of every
# verb that writes. Each verb and call is tried with the n-th call failing once, and with all calls
# from the n-th on: for some n spread over the run, or for every n with SORAGRAD_ALL_FAULTS=1, which
# tries limits on memory too.
#
# Right is: the exit code is 0 and the files are those of an undisturbed run; or it is 1, the last line
# of stderr is the error, every line has less than 500 bytes, and the same command (`--resume` for a
# run that began) ends with the files of an undisturbed run, bit for bit.
set -euo pipefail
export LC_ALL=C
soragrad=$1 shim=$2 quickstart=$3 folder=$4 sanitize=${5:-}
if [ "$sanitize" = ON ]; then echo "SKIPPED: sanitizers replace the calls that the shim replaces"; exit 0; fi
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
head -n 40 "$quickstart/data/CoLA/dev.tsv" >dev.tsv
common=(model="$quickstart/model" task=cola data="$quickstart/data"
  train_file="$PWD/dev.tsv" validation_file="$PWD/dev.tsv" threads=2 max_seq_length=16 max_steps=3
  eval_steps=2 save_steps=2 logging_steps=1 per_device_train_batch_size=4 xi=1)
cat >grid.yaml <<R
output: grid
seeds: [1]
common: {model: $quickstart/model, data: $quickstart/data, train_file: $PWD/dev.tsv,
  validation_file: $PWD/dev.tsv, threads: 2, max_steps: 2, max_seq_length: 16}
methods: {lora: {r: 2}}
tasks: {cola: }
R
head -n 400 "$quickstart/data/CoLA/train.tsv" | cut -f 4 >corpus.txt
"$soragrad" train-tokenizer --model-type bert --vocab-size 150 --corpus corpus.txt --output small \
  --layers 1 --hidden-size 8 --heads 1 >/dev/null
pretraining=(model="$PWD/small" corpus="$PWD/corpus.txt" validation_corpus="$PWD/corpus.txt"
  threads=2 max_seq_length=16 max_steps=3 eval_steps=2 save_steps=2 logging_steps=1
  per_device_train_batch_size=4 mlm_probability=0.5)

# attempt FOLDER VERB WITH...: the verb in a folder of its own, its program started by the command WITH;
# returns the exit code.
attempt() {
  local at=$1 verb=$2
  shift 2
  (
    cd "$at"
    mkdir -p out
    case $verb in
      train)
        arguments=(train "${common[@]}" output=out/run)
        if [ -e out/run/config.yaml ]; then arguments=(train --resume out/run); fi
        ;;
      pretrain)
        arguments=(pretrain "${pretraining[@]}" output=out/run)
        if [ -e out/run/config.yaml ]; then arguments=(pretrain --resume out/run); fi
        ;;
      table) arguments=(table ../grid.yaml) ;;
      export) arguments=(export --run ../trained --format merged --output out/merged) ;;
      predict) arguments=(predict --run ../trained --input ../dev.tsv --output out/p.tsv) ;;
      trace) arguments=(trace --model "$quickstart/model" --task cola --input ../dev.tsv --rows 2
        --output out/t.safetensors) ;;
    esac
    timeout 60 "$@" "$soragrad" "${arguments[@]}" >stdout.txt 2>stderr.txt
  )
}
# The files whose bits count: without times, and without what names the moment.
fingerprint() {
  find . -type f \( -name '*.safetensors' -o -name 'p.tsv' -o -name 'metrics.jsonl' \
    -o -name 'gates.bin' -o -name 'evaluation.json' \) \
    ! -path '*/checkpoints/*' ! -path '*.tmp.*' | sort | while read -r file; do
    printf '%s ' "$file"
    sed -E 's/, "step_seconds": [^}]*//' "$file" | sha256sum
  done
}
cases=0 wrong=0
no() { wrong=$((wrong + 1)); echo "WRONG: $*"; }

# check NAME FOLDER VERB CODE: whether that was right, and the run completes.
check() {
  local name=$1 at=$2 verb=$3 code=$4
  cases=$((cases + 1))
  [ "$(awk '{ if (length > n) n = length } END { print n + 0 }' "$at/stderr.txt")" -lt 500 ] ||
    no "$name: a line of 500 bytes or more"
  if [ "$code" = 1 ]; then
    if [ "$(grep -c '^soragrad: ' "$at/stderr.txt")" != 1 ] && [ "$verb" != table ]; then
      case $name in *' write '*) ;; *) no "$name: $(cat "$at/stderr.txt")" ;; esac
    fi
    code=0
    # An export that is whole already lacked only its line on stdout.
    if [ "$verb" != export ] || [ ! -e "$at/out/merged" ]; then
      attempt "$at" "$verb" env || code=$?
    fi
    [ "$code" = 0 ] || no "$name: afterwards: exit code $code: $(tail -n 1 "$at/stderr.txt")"
  elif [ "$code" != 0 ]; then
    no "$name: exit code $code: $(tail -n 1 "$at/stderr.txt")"
  fi
  (cd "$at" && fingerprint) | cmp -s - "$verb.bits" || no "$name: other bits than an undisturbed run"
  rm -rf -- "$at"
}

# Which n of COUNT calls: all, or about six, first and last among them.
chosen() {
  local count=$1 step=1 n
  [ -n "${SORAGRAD_ALL_FAULTS:-}" ] || step=$(((count + 5) / 5))
  for ((n = 1; n <= count; n += step)); do echo "$n"; done
  if [ "$count" -gt 0 ] && [ $(((count - 1) % step)) != 0 ]; then echo "$count"; fi
}

"$soragrad" train "${common[@]}" output=trained >/dev/null 2>&1
for verb in train pretrain table export predict trace; do
  mkdir whole
  attempt whole "$verb" env || { echo "$verb fails undisturbed: $(cat whole/stderr.txt)"; exit 1; }
  (cd whole && fingerprint) >"$verb.bits"
  [ -s "$verb.bits" ]
  rm -rf whole
  tried=0
  for fault in write:28 fsync:5 rename:28 open:24 mkdir:28 ftruncate:5 mmap:12 pthread_create:11; do
    call=${fault%:*}
    mkdir counted
    attempt counted "$verb" env LD_PRELOAD="$shim" FAULT_CALL="$call" FAULT_COUNT="$PWD/count" ||
      no "$verb $call: counting fails"
    rm -rf counted
    for n in $(chosen "$(cat count)"); do
      for lasts in 0 1; do
        mkdir fault
        code=0
        attempt fault "$verb" env LD_PRELOAD="$shim" FAULT_CALL="$call" FAULT_NTH="$n" \
          FAULT_ERRNO="${fault#*:}" FAULT_LASTS="$lasts" || code=$?
        check "$verb $call $n lasts=$lasts" fault "$verb" "$code"
        tried=$((tried + 1))
      done
    done
  done
  # KiB of address space. Only on demand: oneDNN 2.6 itself crashes if memory ends inside a product.
  limits=()
  if [ -n "${SORAGRAD_ALL_FAULTS:-}" ]; then limits=(150000 250000 400000 600000); fi
  for limit in "${limits[@]}"; do
    (ulimit -v $limit && "$soragrad" --version >/dev/null 2>&1) || continue
    mkdir fault
    code=0
    attempt fault "$verb" bash -c "ulimit -v $limit; exec \"\$@\"" - || code=$?
    check "$verb memory $limit" fault "$verb" "$code"
    tried=$((tried + 1))
  done
  echo "$verb: $tried single faults"
done
echo "$cases faults, $wrong wrong"
[ "$cases" -gt 0 ] && [ "$wrong" = 0 ]

# SPDX-License-Identifier: Apache-2.0
