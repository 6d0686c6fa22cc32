#!/usr/bin/env bash
# hostile_tables.sh SORAGRAD GOLDEN FOLDER [no-limit]: `soragrad data` on damaged and hostile csv, jsonl
# and Parquet files, within 2 GiB of address space (no limit with a sanitizer, which reserves more).
# Each run must end with exit code 1 and one line that names the file.
set -euo pipefail
export LC_ALL=C
soragrad=$1 golden=$2 folder=$3 limit=${4:-}
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
failed=0
declare -A cases=([csv]=0 [jsonl]=0 [parquet]=0)

refused() {  # NAME FILE WANTED: WANTED is a part of the message
  local code=0 kind=${2##*.}
  cases[$kind]=$((cases[$kind] + 1))
  (
    [ -n "$limit" ] || ulimit -v 2097152
    OMP_NUM_THREADS=1 timeout 60 "$soragrad" data "$2" </dev/null >out.txt 2>err.txt
  ) || code=$?
  if [ "$code" != 1 ] || [ "$(wc -l <err.txt)" != 1 ] || ! grep -qF -- "$3" err.txt ||
    ! grep -qF -- "$2" err.txt || [ "$(wc -c <err.txt)" -ge 500 ]; then
    failed=$((failed + 1))
    echo "$1: exit code $code; wanted \"$3\", got:"
    head -c 600 err.txt
  fi
}
repeat() {  # TEXT COUNT
  local i
  for ((i = 0; i < $2; ++i)); do printf '%s' "$1"; done
}

csv() {  # NAME WANTED TEXT (with printf's escapes)
  printf -- "$3" >bad.csv
  refused "csv: $1" bad.csv "$2"
}
csv "empty" "the file is empty" ''
csv "a byte order mark alone" "the file is empty" '\xef\xbb\xbf'
csv "a header alone" bad.csv 'text,label\n'
csv "a short row" "bad.csv:3" 'text,label\na,x\nb\n'
csv "a long row" "bad.csv:2" 'text,label\na,b,x\n'
csv "a short last row without its end" "bad.csv:3" 'text,label\na,x\nb'
csv "an open quote" "never closed" 'text,label\n"a,x\nb,y\n'
csv "an open quote in the header" "never closed" '"text,label\na,x\n'
csv "an open quote at the end" "bad.csv:3" 'text,label\na,x\nb,"y'
csv "text behind a quote" "text follows the quote" 'text,label\n"a"b,x\n'
csv "a blank behind a quote" "text follows the quote" 'text,label\n"a" ,x\n'
csv "a quote of backslashes" "bad.csv:2" 'text,label\n"a \\"b\\"",x\n'
csv "a row of a quoted line" "bad.csv:2" 'text,label\n"a\n,x\nb"\n'
csv "a name twice" "occurs twice" 'text,text,label\na,b,x\n'
csv "a name twice but for blanks" "occurs twice" 'text, text ,label\na,b,x\n'
csv "two columns without a name" "occurs twice" ',,label\na,b,x\n'
csv "semicolons" bad.csv 'text;label\na;x\nb;y\n'
csv "NUL bytes" "bad.csv:2" 'text,label\n\0\0\0\n'
csv "no label" bad.csv 'text,label\na,\nb,\n'
csv "one class" "one class in all rows" 'text,label\na,x\nb,x\n'
csv "no text" bad.csv 'words,classes\na,x\nb,y\n'
{ repeat 'c,' 5000; printf 'label\n'; } >bad.csv
refused "csv: 5001 columns" bad.csv "at most 4096"
{ printf 'text,label\n'; head -c 3000000 /dev/zero | tr '\0' ','; } >bad.csv
refused "csv: a row of commas" bad.csv "bad.csv:2"

jsonl() {  # NAME WANTED TEXT
  printf '%s\n' '{"text": "a", "label": "x"}' "$3" >bad.jsonl
  refused "jsonl: $1" bad.jsonl "$2"
}
at=bad.jsonl:2
jsonl "a list" $at '["a", "x"]'
jsonl "a text" $at '"a"'
jsonl "null" $at 'null'
jsonl "an open object" $at '{"text": "a"'
jsonl "a comma at the end" $at '{"text": "a",}'
jsonl "two objects" $at '{"text": "a"}{"text": "b"}'
jsonl "no colon" $at '{"text" "a"}'
jsonl "single quotes" $at "{'text': 'a'}"
jsonl "a key without quotes" $at '{text: "a"}'
jsonl "an open text" $at '{"text": "a}'
jsonl "an unknown escape" $at '{"text": "\x41"}'
jsonl "half an escape" $at '{"text": "\u00e"}'
jsonl "a TAB in a text" $at '{"text": "a	b"}'
jsonl "a leading zero" $at '{"label": 01}'
jsonl "a point without digits" $at '{"label": 1.}'
jsonl "hexadecimal" $at '{"label": 0x10}'
jsonl "NaN" $at '{"label": NaN}'
jsonl "True" $at '{"label": True}'
jsonl "a comment" $at '{"text": "a"} // note'
jsonl "a key twice" "occurs twice" '{"text": "a", "text": "b"}'
jsonl "deep" $at "{\"text\": $(head -c 100000 /dev/zero | tr '\0' '[')"
jsonl "an object as a label" bad.jsonl '{"text": "a", "label": {"x": 1}}'
: >bad.jsonl
refused "jsonl: empty" bad.jsonl "no rows"

parquet() {  # NAME WANTED: of bad.parquet
  refused "parquet: $1" bad.parquet "$2"
}
for file in "$golden"/*.parquet; do
  name=$(basename "$file") size=$(wc -c <"$file")
  footer=$(od -An -tu4 -j $((size - 8)) -N 4 "$file" | tr -d ' ')
  tail=$(tail -c 4 "$file")
  [ "$tail" = PAR1 ]
  head -c $((size / 2)) "$file" >bad.parquet
  parquet "$name cut in half" "not a whole Parquet file"
  head -c $((size - 1)) "$file" >bad.parquet
  parquet "$name without its last byte" "not a whole Parquet file"
  { printf PAR2; tail -c +5 "$file"; } >bad.parquet
  parquet "$name of another version" "not a whole Parquet file"
  { head -c $((size - 8)) "$file"; printf '\xff\xff\xff\x7fPAR1'; } >bad.parquet
  parquet "$name with a footer of 2 GiB" "a footer of"
  { head -c $((size - 8 - footer)) "$file"; head -c "$footer" /dev/zero; tail -c 8 "$file"; } >bad.parquet
  parquet "$name with a footer of zeros" bad.parquet
  { printf PAR1; head -c $((size - 12 - footer)) /dev/zero; tail -c $((footer + 8)) "$file"; } >bad.parquet
  parquet "$name with pages of zeros" bad.parquet
done
{ head -c 4 "$file"; tail -c $((footer + 8)) "$file"; } >bad.parquet
parquet "a footer without pages" bad.parquet
{ head -c $((size - 4)) "$file"; printf PARE; } >bad.parquet
parquet "encrypted" "encrypted"
printf PAR1 >bad.parquet
parquet "four bytes" "not a whole Parquet file"
printf 'PAR1\0\0\0\0PAR1' >bad.parquet
parquet "an empty footer" bad.parquet

[ "${cases[csv]}" -ge 20 ] && [ "${cases[jsonl]}" -ge 20 ] && [ "${cases[parquet]}" -ge 60 ]
[ "$failed" = 0 ] || { echo "$failed cases failed"; exit 1; }
echo "${cases[csv]} csv, ${cases[jsonl]} jsonl and ${cases[parquet]} Parquet files: exit code 1, one line"

# SPDX-License-Identifier: Apache-2.0
