#!/usr/bin/env bash
# tidy.sh BUILD [FILE.cpp...]: clang-tidy, with the rules of .clang-tidy, over these sources, or over every
# source and public header of the library.
#
# All sources of a layer are read as one, which takes minutes instead of half an hour; in the kernels and the families
# of models a name may mean two things. No compilation database is needed: layers differ in what they
# link, not in how they are read.
set -euo pipefail
build=$1
shift
cd -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")"
work=$build/tidy
mkdir -p -- "$work"

if [ $# -gt 0 ]; then
  files=("$@")
else
  echo '#include "soragrad.h"' >"$work/public_headers.cpp"
  files=("$work/public_headers.cpp")
  families=(models/bert.cpp models/roberta.cpp models/deberta_v3.cpp)
  for layer in train data cli sora nn autograd core models; do
    find "$layer" -name '*.cpp' ! -path '*/kernels/*' | grep -vxF "$(printf '%s\n' "${families[@]}")" |
      LC_ALL=C sort | sed "s#.*#\#include \"$PWD/&\"#" >"$work/$layer.cpp"
    files+=("$work/$layer.cpp")
  done
  mapfile -t -O "${#files[@]}" files < <(find core/kernels -name '*.cpp' | LC_ALL=C sort)
  files+=("${families[@]}")
fi
# A finding in an included source counts, and that it is included is none.
sed -e 's/\[\.\]h\$/[.](h|cpp)$/' -e 's/^  bugprone-\*,$/&\n  -bugprone-suspicious-include,/' .clang-tidy >"$work/rules.yaml"
mpi=$(mpicxx --showme:compile 2>/dev/null || true)
export work mpi
printf '%s\n' "${files[@]}" | xargs -P 2 -n 1 bash -c 'clang-tidy --quiet --config-file="$work/rules.yaml" "$0" -- \
  -std=c++20 -w "-I$PWD" -fopenmp $mpi 2>"$work/log.$$" || { cat "$work/log.$$"; exit 1; }'
rm -f -- "$work"/log.*
echo "clang-tidy: no finding in ${#files[@]} sources, whole layers among them"

# SPDX-License-Identifier: Apache-2.0
