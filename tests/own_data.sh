#!/usr/bin/env bash
# own_data.sh SORAGRAD SOURCE FOLDER: every command of docs/own_data.md, and those on own data of the
# README, run in order and leave what the texts promise.
set -euo pipefail
soragrad=$1 source=$2 folder=$3
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
ln -s -- "$source/examples" examples
soragrad() { "$soragrad" "$@" >>stdout.log 2>>stderr.log; }
awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$source/docs/own_data.md" >commands
[ "$(wc -l <commands)" -ge 12 ] || { echo "only $(wc -l <commands) commands found"; exit 1; }
readme=$(awk '/^## / {inside = /Your own data/} inside && /^\.\/run / {sub("./run", "soragrad"); print}' "$source/README.md" |
  sed 's# runs/reviews# runs/readme#; s#=runs/reviews#=runs/readme#')
[ "$(wc -l <<<"$readme")" -eq 4 ] || { echo "the README has other commands: $readme"; exit 1; }
cat >>commands <<<"$readme"
while read -r line; do
  eval "$line" || { echo "failed: $line"; tail -3 stderr.log; exit 1; }
done <commands
expect() { grep -q -- "$1" "$2" || { echo "$2 lacks $1"; head -3 "$2"; exit 1; }; }
expect '^id	label	probability	bad	good$' reviews-predicted.tsv
expect '^r00	' reviews-predicted.tsv
[ "$(wc -l <reviews-predicted.tsv)" -eq 81 ]
expect '^id	label	probability	bad	good$' reviews.tsv
expect '"label":"' pairs-predicted.jsonl
expect '^id	label	probability	delivery	price	quality	service$' topics-predicted.tsv
expect '"sha256":"' runs/reviews/split.json
expect '"pearson"' runs/scores/metrics.jsonl
expect '"negative"' runs/hub-merged/config.json
joined=runs/folds/topics-lora-42-out_of_fold.tsv
expect '^fold	file	row	answer	id	label	probability	delivery	price	quality	service$' "$joined"
[ "$(wc -l <"$joined")" -eq 61 ]  # every row once, in the file's order
[ "$(cut -f 3 "$joined" | tail -n +2 | sort -nu | wc -l)" -eq 60 ]
cut -f 3 "$joined" | tail -n +2 | sort -nc
expect '(5)' runs/folds/table.txt
expect 'precision' stderr.log
# A run's files may not change under it.
sed 's/wonderful/horrible/' examples/own_data/reviews.csv >other.csv
sed "s|train_file: .*|train_file: $folder/other.csv|" runs/reviews/config.yaml >config.new
mv config.new runs/reviews/config.yaml
if "$soragrad" eval --run runs/reviews >/dev/null 2>refusal; then echo "other bytes were accepted"; exit 1; fi
expect 'has other bytes' refusal
# Files that were moved: whoever evaluates or goes on is told which key names them.
cp examples/own_data/scores.tsv there.tsv
soragrad train task=custom train_file=there.tsv model=examples/quickstart/model output=moved max_steps=5
mv there.tsv here.tsv
for command in "eval --run moved" "train --resume moved max_steps=6"; do
  # shellcheck disable=SC2086  # words
  if "$soragrad" $command >/dev/null 2>refusal; then echo "a file that is gone was accepted"; exit 1; fi
  expect 'there.tsv\] is gone.*train_file=FILE' refusal
done
soragrad eval --run moved train_file=here.tsv
echo "all commands of docs/own_data.md run"

# SPDX-License-Identifier: Apache-2.0
