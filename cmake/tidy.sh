#!/usr/bin/env bash
# tidy.sh BUILD [FILE.cpp...]: clang-tidy, with the rules of .clang-tidy. Without files: all public
# headers in one go, and the sources that changed since the commit before the last one, at most
# twelve. With --all: every source of the library, which takes half an hour.
set -euo pipefail
build=$1
shift
cd -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")"
folders=(core autograd nn models sora data train cli)

if [ $# -eq 0 ]; then
  header=$build/public_headers.cpp
  echo '#include "soragrad.h"' >"$header"
  clang-tidy --quiet --config-file=.clang-tidy "$header" -- -std=c++20 "-I$PWD"
  mapfile -t files < <(git diff --name-only --diff-filter=d HEAD~1 -- "${folders[@]/%//*.cpp}" 2>/dev/null |
    head -12)
elif [ "$1" = --all ]; then
  mapfile -t files < <(find "${folders[@]}" -name '*.cpp' | LC_ALL=C sort)
else
  files=("$@")
fi
# GCC's precompiled headers are not for clang; the sources include what they use.
mkdir -p -- "$build/tidy"
sed -E 's/ -Winvalid-pch| -include [^ ]*cmake_pch\.hxx//g' "$build/compile_commands.json" \
  >"$build/tidy/compile_commands.json"
[ ${#files[@]} -eq 0 ] || printf '%s\n' "${files[@]}" |
  xargs -P 2 -n 4 clang-tidy --quiet --config-file=.clang-tidy -p "$build/tidy"
echo "clang-tidy: no finding in the public headers' and ${#files[@]} sources"

# SPDX-License-Identifier: Apache-2.0
