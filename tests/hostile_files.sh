#!/usr/bin/env bash
# hostile_files.sh SORAGRAD QUICKSTART GOLDEN FOLDER [no-limit]: runs the program on damaged and hostile
# files of every kind, within 2 GiB of address space (no limit with a sanitizer, which reserves more).
# Each run must end with exit code 1 and one line, within seconds, and run nothing that a file requests.
set -euo pipefail
export LC_ALL=C
soragrad=$1 quickstart=$2 golden=$3 folder=$4 limit=${5:-}
rm -rf -- "$folder"
mkdir -p -- "$folder"
cd -- "$folder"
cases=0 failed=0

# refused NAME WANTED ARGUMENTS...: WANTED is a part of the message.
refused() {
  local name=$1 wanted=$2 code=0
  shift 2
  cases=$((cases + 1))
  (
    [ -n "$limit" ] || ulimit -v 2097152
    OMP_NUM_THREADS=2 timeout 60 "$soragrad" "$@" </dev/null >out.txt 2>err.txt
  ) || code=$?
  sed -i '/ drawn from seed /d' err.txt  # a note, before the file in question is opened
  local lines
  lines=$(wc -l <err.txt)
  if [ "$code" != 1 ] || [ "$lines" != 1 ] || ! grep -qF -- "$wanted" err.txt ||
    [ "$(wc -c <err.txt)" -ge 500 ] || grep -qE 'exception|filesystem error' err.txt || [ -e executed ]; then
    failed=$((failed + 1))
    echo "$name: exit code $code, $lines lines; wanted \"$wanted\", got:"
    head -c 600 err.txt
  fi
}
accepted() {
  local name=$1
  shift
  cases=$((cases + 1))
  if ! "$soragrad" "$@" >out.txt 2>err.txt; then
    failed=$((failed + 1))
    echo "$name: refused: $(head -c 600 err.txt)"
  fi
}

repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; }
le() {  # le BYTES NUMBER: little-endian; numbers past 2^63 as negative ones
  local i number=$2
  for ((i = 0; i < $1; ++i)); do
    printf "\\x$(printf %02x $((number >> (8 * i) & 255)))"
  done
}
safetensors() {  # JSON DATA
  le 8 ${#1}
  printf '%s%s' "$1" "$2"
}
one() {  # the entry of a tensor "x": DTYPE SHAPE BEGIN END
  printf '{"x":{"dtype":"%s","shape":%s,"data_offsets":[%s,%s]}}' "$@"
}
text() {  # of a pickle
  printf X
  le 4 ${#1}
  printf %s "$1"
}
legacy() {  # PICKLE (with printf's escapes) [rest]: torch's old form, from the state dict on
  printf '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02\x4d\xe9\x03\x2e\x80\x02}'
  text little_endian
  printf '\x88s.\x80\x02'
  printf "$1"
  printf "${2-.\\x80\\x02].}"
}
model() {  # a fresh copy of the quickstart's model
  rm -rf m
  cp -r -- "$quickstart/model" m
}

# ---- safetensors
file=w.safetensors
tensors() {  # NAME WANTED JSON DATA
  safetensors "$3" "$4" >$file
  refused "safetensors: $1" "$2" inspect $file
}
: >$file
refused "safetensors: empty" "$file" inspect $file
printf 1234567 >$file
refused "safetensors: 7 bytes" "$file" inspect $file
for size in -1 -9223372036854775808 9223372036854775807 100000001 3; do
  { le 8 "$size"; printf '{}'; } >$file
  refused "safetensors: a header of $size bytes" "claims a header" inspect $file
done
tensors "a list" "is an array" '[]' ''
tensors "no JSON" "not valid JSON" '{"x"' ''
tensors "deep" "is an array" "{\"x\":$(repeat '[' 300000)" ''
tensors "negative size" "negative" "$(one F32 '[-1]' 0 4)" abcd
tensors "fraction" "no 64-bit integer" "$(one F32 '[1.5]' 0 4)" abcd
tensors "overflow of the product" "2^63" "$(one F32 '[4294967296,4294967296,4]' 0 4)" abcd
tensors "overflow of the bytes" "does not fill" "$(one F64 '[2305843009213693952]' 0 0)" ''
tensors "contradiction" "does not fill" "$(one F32 '[2]' 0 4)" abcd
tensors "backwards" "bytes 4 to 0" "$(one F32 '[1]' 4 0)" abcd
tensors "out of range" "cut off or damaged" "$(one F32 '[2]' 0 8)" abcd
tensors "2^64 - 1" "18446744073709551615" "$(one U8 '[4]' 0 18446744073709551615)" abcd
tensors "bytes behind" "end at byte 4 of 5" "$(one F32 '[1]' 0 4)" abcde
tensors "overlap" "must not overlap" \
  '{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}' abc
tensors "hole" "must not leave holes" \
  '{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}' abc
tensors "duplicate" "twice" \
  '{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' ''
tensors "wrong type" "is a number" '{"x":{"dtype":7,"shape":[0],"data_offsets":[0,0]}}' ''
tensors "unknown key" "unknown key" '{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"y":1}}' ''
tensors "long name" "bytes" "{\"$(repeat n 9000)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}" ''
tensors "line break in a name" "evil?name" '{"evil\nname":{"dtype":"U8"}}' ''
mkdir d.safetensors
refused "safetensors: a folder" "d.safetensors" inspect d.safetensors
mkfifo pipe.safetensors
refused "safetensors: a pipe" "pipe.safetensors" inspect pipe.safetensors
refused "safetensors: missing" "none.safetensors" inspect none.safetensors
refused "safetensors: a device" "/dev/zero" inspect /dev/zero
size=$(wc -c <"$quickstart/model/model.safetensors")
for cut in 1 8 9 100 1000 $((size / 2)) $((size - 1)); do
  model
  head -c "$cut" -- "$quickstart/model/model.safetensors" >m/model.safetensors
  refused "safetensors: cut at $cut" model.safetensors trace --model m --task cola \
    --input "$quickstart/data/CoLA/dev.tsv" --output t
done

# ---- torch: zip and old form
file=w.bin
for name in state_zip state_legacy compressed; do
  size=$(wc -c <"$golden/$name.bin")
  for cut in 3 20 $((size / 4)) $((size / 2)) $((size - 30)) $((size - 1)); do
    head -c "$cut" -- "$golden/$name.bin" >$file
    refused "torch: $name cut at $cut" "$file" inspect $file
  done
done
refused "torch: code" "refuses" inspect "$golden/code.bin"
old() {  # NAME WANTED PICKLE
  legacy "$3" >$file
  refused "torch pickle: $1" "$2" inspect $file
}
touch_it='X\x0e\x00\x00\x00touch executed'
old "os.system" "refuses 'posix.system'" "cposix\nsystem\n($touch_it""tR"
old "subprocess" "refuses 'subprocess.Popen'" "csubprocess\nPopen\n($touch_it""tR"
old "eval" "refuses 'builtins.eval'" "cbuiltins\neval\n($touch_it""tR"
old "instance" "refuses 'posix.system'" "($touch_it""iposix\nsystem\n"
old "torch.load" "refuses 'torch.load'" 'ctorch\nload\n'
old "a cycle" "holds a value of type list" ']q\x01h\x01a'
old "a dict of itself" "" '}q\x01h\x01h\x01s'
old "unknown opcode" "opcode 0xff" '\xff'
old "empty" "empty stack" ''
old "no mark" "lacks a mark" 't'
old "huge text" "4294967295 bytes" 'X\xff\xff\xff\xff'
old "huge number" "past 64 bits" '\x8a\xff'
old "memo" "recalls value" 'h\x07'
{ legacy '' ''; repeat '(' 3000000; } >$file
refused "torch pickle: nesting" "nests more than" inspect $file
{ legacy '' ''; repeat ']' 3000000; } >$file
refused "torch pickle: many values" "more than 1048576 values" inspect $file
printf 'PK\3\4' >$file
refused "torch zip: four bytes" "$file" inspect $file
{ cat "$golden/state_zip.bin"; head -c 70000 /dev/zero; } >$file
refused "torch zip: a long tail" "$file" inspect $file
: >$file
refused "torch: empty" "$file" inspect $file
printf 'not a checkpoint' >$file
refused "torch: text" "$file" inspect $file

# ---- shard index
index() {  # NAME WANTED TEXT
  rm -rf i
  mkdir i
  cp -- "$quickstart/model/config.json" i
  safetensors "$(one F32 '[1]' 0 4)" abcd >i/a.safetensors
  cp i/a.safetensors outside.safetensors
  ln -s ../outside.safetensors i/link.safetensors
  ln -s loop.safetensors i/loop.safetensors
  printf '%s' "$3" >i/model.safetensors.index.json
  refused "index: $1" "$2" inspect i
}
index "parent" "own folder" '{"weight_map":{"x":"../outside.safetensors"}}'
index "absolute" "own folder" '{"weight_map":{"x":"/etc/passwd"}}'
index "empty name" "own folder" '{"weight_map":{"x":""}}'
index "NUL" "own folder" '{"weight_map":{"x":"a.safetensors\u0000"}}'
index "link to outside" "a link to" '{"weight_map":{"x":"link.safetensors"}}'
index "link to itself" "missing" '{"weight_map":{"x":"loop.safetensors"}}'
index "missing shard" "missing" '{"weight_map":{"x":"b.safetensors"}}'
index "missing tensor" "lacks it" '{"weight_map":{"x":"a.safetensors","y":"a.safetensors"}}'
index "duplicate" "twice" '{"weight_map":{"x":"a.safetensors","x":"a.safetensors"}}'
index "wrong type" "is an array" '{"weight_map":["a.safetensors"]}'
index "no map" "weight_map" '{}'
index "empty" "not valid JSON" ''
index "deep" "deeper than" "{\"m\":$(repeat '[' 300000)"

# ---- config.json
config() {  # NAME WANTED TEXT (a sed program where it begins with s)
  model
  case $3 in
    s*) sed -i -- "$3" m/config.json ;;
    *) printf '%s' "$3" >m/config.json ;;
  esac
  refused "config.json: $1" "$2" trace --model m --task cola --input "$quickstart/data/CoLA/dev.tsv" --output t
}
config "empty" "config.json" ''
config "list" "config.json" '[]'
config "cut" "config.json" '{"model_type": "deberta-v2"'
config "deep" "config.json" "{\"model_type\":$(repeat '[' 300000)"
config "duplicate" "config.json" '{"model_type": "bert", "model_type": "roberta"}'
config "unknown model" "t5" '{"model_type": "t5"}'
config "wrong type" "hidden_size" 's/"hidden_size": *[0-9]*/"hidden_size": "64"/'
config "negative" "hidden_size" 's/"hidden_size": *[0-9]*/"hidden_size": -64/'
config "zero heads" "num_attention_heads" 's/"num_attention_heads": *[0-9]*/"num_attention_heads": 0/'
config "2^63" "num_hidden_layers" 's/"num_hidden_layers": *[0-9]*/"num_hidden_layers": 9223372036854775807/'
config "2^60 words" "" 's/"vocab_size": *[0-9]*/"vocab_size": 1152921504606846976/'
config "other shape" "mis-shaped" 's/"hidden_size": *[0-9]*/"hidden_size": 96/'
config "a fraction" "num_hidden_layers" 's/"num_hidden_layers": *[0-9]*/"num_hidden_layers": 1.5/'
config "1e999" "config.json" 's/"num_hidden_layers": *[0-9]*/"num_hidden_layers": 1e999/'
model
rm m/config.json
mkdir m/config.json
refused "config.json: a folder" "config.json" inspect m
model
printf '\xef\xbb\xbf' | cat - "$quickstart/model/config.json" >m/config.json
accepted "config.json: a byte order mark" inspect m

# ---- tokenizers
tokens() { refused "$1" "$2" tokenize --model m; }
size=$(wc -c <"$quickstart/model/spm.model")
for cut in 0 1 17 $((size / 2)); do
  model
  head -c "$cut" -- "$quickstart/model/spm.model" >m/spm.model
  tokens "spm.model: cut at $cut" spm.model
done
model
printf '\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f' >m/spm.model
tokens "spm.model: a length past the end" spm.model
head -c 100000 /dev/zero >m/spm.model
tokens "spm.model: zeros" spm.model
rm m/spm.model
tokens "tokenizer: none" "neither spm.model nor tokenizer.json"
mkdir m/spm.model
tokens "spm.model: a folder" spm.model
rm -r m
mkdir m
bert() { printf '{"model_type": "bert", "vocab_size": 9}' >m/config.json; }
bert
: >m/vocab.txt
tokens "vocab.txt: empty" vocab.txt
rm m/vocab.txt
mkdir m/vocab.txt
tokens "vocab.txt: a folder" vocab.txt
rmdir m/vocab.txt
for content in '' '[]' '{' '{"a":1,"a":2}' '{"model":{"type":"WordPiece"}}' "{\"model\":$(repeat '[' 300000)" \
  '{"normalizer":{"type":"BertNormalizer"},"model":{"type":"WordPiece","vocab":{"a":-1}}}'; do
  printf '%s' "$content" >m/tokenizer.json
  tokens "tokenizer.json: ${content:0:24}" tokenizer.json
done
rm m/tokenizer.json
printf '{"model_type": "roberta", "vocab_size": 9}' >m/config.json
printf '#version: 0.2\n' >m/merges.txt
for content in '' '[]' '{"a": -1}' '{"a": 1e300}' '{"a": "b"}' '{"a": 0, "a": 1}' '{"a": 0, "b": 0}' \
  '{"a": 9223372036854775807}' "{\"a\":$(repeat '[' 300000)"; do
  printf '%s' "$content" >m/vocab.json
  tokens "vocab.json: ${content:0:24}" vocab.json
done

# ---- rows
rows() {  # NAME WANTED
  refused "rows: $1" "$2" trace --model "$quickstart/model" --task "${3:-cola}" --input rows.tsv --output t
}
: >rows.tsv
rows "empty file" rows.tsv
printf 'x\t7\t\tno such label\n' >rows.tsv
rows "label" rows.tsv:1
printf 'x\n' >rows.tsv
rows "columns" rows.tsv
repeat '\t' 3000000 >rows.tsv
rows "a line of tabs" rows.tsv
mkdir rows
refused "rows: a folder" "is a folder" trace --model "$quickstart/model" --task cola --input rows --output t
printf 'index\tsentence1\tsentence2\tscore\n0\ta\tb\tnan\n' >rows.tsv
rows "a score that is none" rows.tsv:2 stsb
printf 'x\t1\t\tNUL \0 and \xff\xfe bytes are text\n' >rows.tsv
accepted "rows: NUL and bytes that are no UTF-8" trace --model "$quickstart/model" --task cola --input rows.tsv --output t

# ---- adapters and runs
"$soragrad" train model="$quickstart/model" data="$quickstart/data" task=cola output=run max_steps=2 \
  save_steps=1 eval_steps=2 logging_steps=1 threads=1 >out.txt 2>err.txt
adapter() {  # NAME WANTED SED
  rm -rf a
  cp -r run/final a
  sed -i -- "$3" a/adapter_config.json
  refused "adapter: $1" "$2" trace --model "$quickstart/model" --adapter a --task cola \
    --input "$quickstart/data/CoLA/dev.tsv" --output t
}
adapter "no method" '"method" is missing' 's/"method"/"methods"/'
adapter "unknown method" "adapter_config.json" 's/"method": *"sora"/"method": "soar"/'
adapter "rank of 2^62" "adapter_config.json" 's/"r": *8/"r": 4611686018427387904/'
adapter "other rank" "mis-shaped" 's/"r": *8/"r": 9/'
adapter "wrong type" '"r"' 's/"r": *8/"r": [8]/'
adapter "cut" "adapter_config.json" '$d'
adapter "other method" "missing" 's/"method": *"sora"/"method": "houlsby", "bottleneck": 4, "adapter_activation": "gelu"/'
adapter "regular expression" "regular expression" 's/"method": *"sora"/"peft_type": "LORA", "alpha_pattern": {"(a+)+$": 1}/'
adapter "other type of peft" "IA3" 's/"method": *"sora"/"peft_type": "IA3"/'
adapter "dora" "use_dora" 's/"method": *"sora"/"peft_type": "LORA", "use_dora": true/'
rm a/adapter_model.safetensors
refused "adapter: no tensors" "adapter_model.safetensors" inspect a
refused "adapter: an empty folder" "d.safetensors" inspect d.safetensors
run() {  # NAME WANTED COMMAND
  rm -rf r
  cp -r run r
  eval "$3"
  refused "run: $1" "$2" train --resume r
}
refused "run: complete, another in its place" "holds a run already" train model="$quickstart/model" \
  data="$quickstart/data" task=cola output=run
run "no config" "config.yaml" 'rm r/config.yaml'
run "another file's config" "config.yaml" 'printf "method: sora\n" >r/config.yaml'
state=$(cd run && ls -d checkpoints/step-*)
for name in $(cd "run/$state" && ls); do
  run "$name cut" "$name" "rm -f r/results.json; truncate -s -3 r/$state/$name"
  run "$name empty" "$name" "rm -f r/results.json; : >r/$state/$name"
done

# ---- YAML
yaml() {  # NAME WANTED TEXT
  printf '%s' "$3" >c.yaml
  refused "YAML: $1" "$2" train --config c.yaml
}
yaml "a list" "c.yaml:1" '- a'
yaml "open bracket" "c.yaml" 'model: ['
yaml "nested" "nested" 'model: {a: {b: c}}'
yaml "deep" "c.yaml" "model: $(repeat '[' 100000)"
yaml "deep map" "c.yaml" "$(for i in $(seq 2000); do repeat ' ' "$i"; echo 'a:'; done)"
yaml "twice" "set in line 1 already" "$(printf 'seed: 1\nseed: 2')"
yaml "two documents" "more than one YAML document" "$(printf -- '---\nseed: 1\n---\nseed: 2\n')"
yaml "a stray comma" "more than one YAML document" ', model: m'
yaml "a stray bracket" "c.yaml" "$(printf 'seed: 1\n]')"
yaml "unknown anchor" "c.yaml" 'model: *x'
printf '%s\n' "target_modules: [&a [x,x,x,x],*a,*a]" >c.yaml
refused "YAML: aliases in a list" "nested" train --config c.yaml
printf 'output: r\nseeds: [1]\nmethods: {lora: }\ntasks: {cola: }\ncommon:\n  model: &a0 [x,x,x,x,x,x,x,x]\n' >c.yaml
for i in $(seq 30); do
  printf '  k%d: &a%d [*a%d,*a%d,*a%d,*a%d]\n' "$i" "$i" $((i - 1)) $((i - 1)) $((i - 1)) $((i - 1))
done >>c.yaml
refused "recipe: a billion laughs" "c.yaml" table c.yaml
printf 'output: r\nseeds: [1]\nmethods: {"../../x": }\ntasks: {cola: }\n' >c.yaml
refused "recipe: a name that leads outside" "c.yaml" table c.yaml
head -c 3000000 /dev/zero >c.yaml
refused "YAML: too large" "c.yaml" train --config c.yaml
refused "YAML: a folder" "is a folder" train --config d.safetensors

[ "$cases" -ge 150 ] || { echo "only $cases cases"; exit 1; }
[ "$failed" = 0 ] || { echo "$failed of $cases cases failed"; exit 1; }
echo "$cases cases: exit code 1, one line"

# SPDX-License-Identifier: Apache-2.0
