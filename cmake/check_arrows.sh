#!/usr/bin/env bash
# check_arrows.sh ROOT: every #include "FOLDER/..." must follow the arrows: between the folders,
# between the rooms of train/, and between the op families of core/kernels/.
set -euo pipefail
cd -- "$1"
declare -A may=(  # what a folder may include
  [core]="core"
  [autograd]="core autograd"
  [nn]="core autograd nn"
  [models]="core autograd nn models"
  [sora]="core autograd nn sora"
  [data]="core data"
  [train]="core autograd nn models sora data train"
  [cli]="core autograd nn models sora data train cli"
)
declare -A rooms=(  # what a room of train/ may include of train/
  [config]="config"
  [run]="run config"
  [recipe]="recipe config"
  [grid]="grid recipe run config"
  [loop]="loop run config"
  [report]="report run recipe config"
)
# A family of core/kernels/ includes itself and the shared floor, core/kernels/*.h. Exceptions:
declare -A families=(
  [attention]="linear"  # its small matrix products and its rounding to bf16
  [norm]="linear"       # the operands that a norm makes for the products beside it
  [feed_forward]="linear elementwise"  # two products and the GELU between them
)
# The kernels' table depends on the devices of the build (soragrad_call_kernels in Layers.cmake). Other
# folders may ask for the CPU's instructions and the version of cuDNN only.
with_kernels="core autograd nn sora"
seen=0 wrong=0

refuse() {  # FILE LINE REASON TEXT
  echo "$1:$2: $3: $4"
  wrong=$((wrong + 1))
}

# The second folder of a path: "loop" of train/loop/plan.h; empty for a file of the folder itself.
room_of() {
  local rest=${1#*/}
  [[ $rest == */* ]] && echo "${rest%%/*}" || echo ""
}

check_room() {  # FILE LINE TARGET TEXT
  local from to
  from=$(room_of "$1") to=$(room_of "$3")
  if [[ -z ${rooms[$from]:-} || -z ${rooms[$to]:-} ]]; then
    refuse "$1" "$2" "train/ has the rooms ${!rooms[*]}" "$4"
  elif [[ " ${rooms[$from]} " != *" $to "* ]]; then
    refuse "$1" "$2" "train/$from must not include train/$to" "$4"
  fi
}

check_family() {  # FILE LINE TARGET TEXT
  local from to
  from=$(room_of "${1#core/}") to=$(room_of "${3#core/}")
  [[ -z $to || $from == "$to" ]] && return
  if [[ -z $from || " ${families[$from]:-} " != *" $to "* ]]; then
    refuse "$1" "$2" "core/kernels/${from:-*.h} must not include core/kernels/$to" "$4"
  fi
}

for folder in "${!may[@]}"; do
  [[ -d $folder ]] || continue
  while IFS=: read -r file line text; do
    seen=$((seen + 1))
    target=${text#*\"}
    target=${target%%\"*}
    if [[ " ${may[$folder]} " != *" ${target%%/*} "* ]]; then
      refuse "$file" "$line" "$folder must not include ${target%%/*}" "$text"
    elif [[ $target == core/kernels/* && " $with_kernels " != *" $folder "* && \
        ! $target =~ /(gemm_bf16|gemm_gelu)[.]h$ ]]; then
      refuse "$file" "$line" "only $with_kernels may include core/kernels/" "$text"
    elif [[ $file == train/* && $target == train/* ]]; then
      check_room "$file" "$line" "$target" "$text"
    elif [[ $file == core/kernels/* && $target == core/kernels/* ]]; then
      check_family "$file" "$line" "$target" "$text"
    fi
  done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" \
    --include=*.h --include=*.cpp --include=*.cu --include=*.cuh --include=*.inc --include=*.def)
done
echo "$seen includes, $wrong against the arrows"
[ "$seen" -gt 0 ] && [ "$wrong" -eq 0 ]

# SPDX-License-Identifier: Apache-2.0
