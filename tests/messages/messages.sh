#!/usr/bin/env bash
# messages.sh FOLDER: checks the messages of errors that the tests have met (tests/messages/shim.cpp) and
# leaves them, with N for numbers, in FOLDER/messages.txt, to be read. A message is one line below 500 bytes, begins
# with what it is about, names no exception and no path twice.
set -euo pipefail
folder=$1
if [ ! -s "$folder/thrown.txt" ]; then
  echo "SKIPPED: no test has met an error since this was run last; run all tests"
  exit 0
fi
mv -- "$folder/thrown.txt" "$folder/checked.txt"
LC_ALL=C sort -u -o "$folder/checked.txt" -- "$folder/checked.txt"

# Messages that differ in numbers or temporary names alone are one line of the list.
sed -E 's|/[^] ]*/soragrad_[A-Za-z0-9]{6}|TMP|g; s/[0-9]+/N/g' "$folder/checked.txt" |
  LC_ALL=C sort -u >"$folder/messages.txt"

LC_ALL=C awk '
function fault(what) { print what ": " $0; faults++ }
{
  if (length($0) >= 500) fault("long")
  if ($0 ~ /[\001-\037]/) fault("not one line")
  if (tolower($0) ~ /exception|errno|what\(\)/) fault("words of a library")
  if ($0 ~ /[^.]\.\.$/ || $0 ~ /[?!]\.$/) fault("two ends")
  delete seen
  count = split($0, words, /[^A-Za-z0-9_.\/+-]+/)
  for (i = 1; i <= count; i++) {
    sub(/\.$/, "", words[i])
    if (gsub(/\//, "/", words[i]) < 2) continue
    if (words[i] in seen) fault("a path twice")
    seen[words[i]] = 1
  }
}
END {
  print NR " messages, " faults + 0 " faults"
  exit faults > 0
}' "$folder/checked.txt"

# SPDX-License-Identifier: Apache-2.0
