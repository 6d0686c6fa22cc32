#!/usr/bin/env bash
# add_spdx.sh: ends each source file that lacks it with the line of the licence. The line is the last
# one, so that a file opens with its purpose.
set -euo pipefail
cd -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")"
line="SPDX-License-Identifier: Apache-2.0"
while IFS= read -r file; do
  if tail -n 3 -- "$file" | grep -qF "$line"; then
    continue
  fi
  case $file in
    *.h | *.cpp | *.cu | *.cuh | *.inc | *.def) printf '\n// %s\n' "$line" >>"$file" ;;
    *.map) printf '\n/* %s */\n' "$line" >>"$file" ;;
    *) printf '\n# %s\n' "$line" >>"$file" ;;
  esac
done < <(git ls-files -- '*.h' '*.cpp' '*.cu' '*.cuh' '*.inc' '*.def' '*.map' '*.py' '*.sh' '*.cmake' \
  '*.awk' '*CMakeLists.txt' .ci/run run test cmake/carry)

# SPDX-License-Identifier: Apache-2.0
