#!/usr/bin/env bash
# command_line.sh SORAGRAD QUICKSTART FOLDER: what the program says and where it says it. Broken
# standard streams, the advice for names of other programs, and the text of --help.
set -euo pipefail
export LC_ALL=C
soragrad=$1 quickstart=$2 folder=$3
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
checks=0 wrong=0
no() { wrong=$((wrong + 1)); echo "WRONG: $*"; }
# code WANTED NAME COMMAND...: the exit code.
code() {
  local wanted=$1 name=$2 got=0
  shift 2
  checks=$((checks + 1))
  "$@" || got=$?
  [ "$got" = "$wanted" ] || no "$name: exit code $got instead of $wanted"
}
# says PART ARGUMENTS...: one line of error with that part, exit code 1 or 2.
says() {
  local part=$1 got=0
  shift
  checks=$((checks + 1))
  "$soragrad" "$@" </dev/null >out 2>err || got=$?
  sed -i '/ drawn from seed /d' err  # a note
  if { [ "$got" != 1 ] && [ "$got" != 2 ]; } || [ "$(wc -l <err)" != 1 ] ||
    ! grep -qF -- "$part" err || [ "$(wc -c <err)" -ge 500 ] || grep -qE '\.\.$|\?\.$' err; then
    no "$*: exit code $got, wanted \"$part\": $(cat err)"
  fi
}
train=(train model="$quickstart/model" data="$quickstart/data" task=cola threads=1 max_steps=2
  max_seq_length=16 per_device_train_batch_size=4 eval_steps=2)

# -- Standard streams ------------------------------------------------------------------------------
code 0 "stderr on a full disk" "$soragrad" "${train[@]}" output=full >out 2>/dev/full
code 0 "stderr closed" "$soragrad" "${train[@]}" output=closed >out 2>&-
code 1 "stdout closed" "$soragrad" "${train[@]}" output=none >&- 2>err
tail -n 1 err | grep -q 'standard output' || no "stdout closed: $(tail -n 1 err)"
[ -e none/results.json ] || no "stdout closed: the run is lost"
code 1 "all closed" "$soragrad" "${train[@]}" output=all <&- >&- 2>&-
cmp -s <(sed 's/"step_seconds.*//' full/metrics.jsonl) <(sed 's/"step_seconds.*//' all/metrics.jsonl) ||
  no "all closed: another metrics.jsonl"
code 0 "a dead reader of stderr" bash -c '"$@" 2> >(exit 0)' - "$soragrad" "${train[@]}" output=dead >out
code 1 "an error with a full stderr" "$soragrad" eval --model nowhere --task rte --data x 2>/dev/full
code 2 "wrong usage with a full stderr" "$soragrad" train bogus=1 2>/dev/full
echo text | "$soragrad" tokenize --model "$quickstart/model" >/dev/full 2>err && no "stdout full: exit code 0"
grep -q 'No space left' err || no "stdout full: $(cat err)"

# -- Advice ----------------------------------------------------------------------------------------
says 'did you mean `train`?' trian
says 'write model=m' train --model_name_or_path m --task_name rte
says 'write learning_rate=1' train --learning_rate 1
says 'write --model m' eval model=m task=rte
says 'write --task rte' eval --model m --task_name rte
says 'write --max-length 64' eval --model m --max_seq_length=64
says '`max_steps`' train steps=5
says '`lr_scheduler_type`' train lr_scheduler=cosine
says '`per_device_train_batch_size`' train batch_size=8
says 'there is nothing to set' train report_to=none
says 'TensorBoard' train report_to=none
says '`soragrad train --resume RUN`' train resume_from_checkpoint=x
says '--device' eval --model m --device gpu
says 'soragrad fetch model' eval --model microsoft/deberta-v3-base --task rte --data x
says 'soragrad fetch model' tokenize --model bert-base-uncased
says 'is a part of the run' eval --run full/best
says 'is a part of the run' train --resume full/checkpoints/step-2
says 'is a run, not an adapter' eval --model "$quickstart/model" --adapter full --task cola \
  --data "$quickstart/data"
glue=(--task cola --data "$quickstart/data")
says 'is a run, not a model folder' eval --model full "${glue[@]}"
says 'is an adapter, not a model folder' eval --model full/best "${glue[@]}"
says 'is a run of `train`' pretrain --resume full
says 'belongs to a model, an adapter or a run' report full --output full/metrics.jsonl
says 'FILE.tsv or FILE.jsonl' predict --run full --input "$quickstart/data/CoLA/dev.tsv" --output p.csv
says 'would be emptied' "${train[@]}" output=full overwrite=true initial_state=full/best
says 'holds weights' train-tokenizer --model-type deberta-v2 --vocab-size 300 --corpus x.txt \
  --output "$quickstart/model"
says '--cased is for bert' train-tokenizer --model-type roberta --cased --vocab-size 300 --corpus x \
  --output small
cp "$quickstart/data/CoLA/dev.tsv" dev.csv
says 'task=custom' "${train[@]}" train_file="$PWD/dev.csv" output=csv
long=$(printf 'a%.0s' $(seq 5000))
says 'File name too long' inspect "$long"
says 'File name too long' tokenize --model "$long"
says 'File name too long' "${train[@]}" output="$long"
says "key" train "$long=1"
ln -s b a && ln -s a b
says 'Too many levels' inspect a

# -- Help ------------------------------------------------------------------------------------------
verbs=$("$soragrad" --help | sed -n '/^Subcommands/,/^Examples/s/^  \([a-z-]*\) .*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 9 ] || no "verbs: $verbs"
for verb in '' $verbs; do
  checks=$((checks + 1))
  "$soragrad" $verb --help >out
  [ "$(awk '{ if (length > n) n = length } END { print n + 0 }' out)" -le 100 ] || no "$verb --help: too wide"
  [ "$(grep -c '^  soragrad ' out)" -ge 2 ] || no "$verb --help: two examples are needed"
done
# What a verb itself has put below its options is still there.
"$soragrad" pretrain --help | grep -q '^  mlm_probability ' || no "pretrain --help: no keys"
"$soragrad" fetch --help | grep -q 'HF_TOKEN' || no "fetch --help: no word on HF_TOKEN"
echo "$checks checks, $wrong wrong"
[ "$wrong" = 0 ]

# SPDX-License-Identifier: Apache-2.0
