#!/usr/bin/env bash
# hostile_corpora.sh SORAGRAD QUICKSTART FOLDER: pre-training on text that is none, or hardly: a line
# and exit code 1, or a run that counts what it could not read.
set -euo pipefail
soragrad=$1 quickstart=$2 folder=$3
rm -rf -- "$folder"
mkdir -p -- "$folder/a-folder"
cd -- "$folder"
faults=0
fault() {
  echo "$1"
  head -c 600 err
  faults=$((faults + 1))
}
pretrain() {
  local code=0
  "$soragrad" pretrain model="${model:-$quickstart/model}" output=run overwrite=true max_steps=2 \
    max_seq_length=32 per_device_train_batch_size=2 threads=1 "$@" >out 2>err || code=$?
  return "$code"
}
refused() {  # CODE, ARGUMENTS...
  local code=0 want=$1
  shift
  pretrain "$@" || code=$?
  [ "$code" = "$want" ] && [ "$(grep -vc 'parameters drawn' err)" = 1 ] &&
    [ "$(wc -c <err)" -le 800 ] || fault "exit code $code, not $want, or not one line: $*"
}
counted() {  # COUNT's name, ARGUMENTS...
  local name=$1
  shift
  pretrain "$@" || fault "refused: $*"
  grep -Eq "\"$name\": [1-9]" run/results.json || fault "$name is not counted: $*"
}

cut -f 4 "$quickstart/data/CoLA/train.tsv" >good.txt
tr '\n' ' ' <good.txt >one-line.txt
for _ in 1 2 3 4; do cat one-line.txt; done >endless.txt
sed 's/the/t\xffe/' good.txt >invalid.txt
{ head -50 good.txt; printf 'a\0b\n'; tail -50 good.txt; } >nul.txt
head -c 5000 /dev/zero >zeros.txt
xz -k good.txt
head -c 20000 good.txt.xz >truncated.xz
cp good.txt not-an.xz
: >empty.txt
printf '\n\n  \n' >blank.txt

counted cut_lines corpus=endless.txt
counted invalid_utf8_lines corpus=invalid.txt
counted nul_byte_lines corpus=nul.txt
for corpus in a-folder empty.txt blank.txt zeros.txt truncated.xz not-an.xz none.txt 'none*.txt' /dev/zero; do
  refused 1 corpus="$corpus"
done
refused 1 corpus=good.txt validation_corpus=empty.txt
refused 1 batches=good.txt
refused 2 corpus=good.txt mlm_probability=0
refused 2 corpus=good.txt max_steps=0
refused 2 corpus=good.txt task=cola

cp -r -- "$quickstart/model" no-mask
sed -i 's/"vocab_size": [0-9]*/"vocab_size": 600/' no-mask/config.json
rm no-mask/model.safetensors
model=no-mask refused 1 corpus=good.txt
echo "$faults faults"
[ "$faults" = 0 ]

# SPDX-License-Identifier: Apache-2.0
