#!/usr/bin/env bash
# check_arrows.sh ROOT: every #include "FOLDER/..." must follow the arrows between the folders.
set -euo pipefail
cd -- "$1"
declare -A may=(
  [core]="core"
  [autograd]="core autograd"
  [nn]="core autograd nn"
  [models]="core autograd nn models"
  [sora]="core autograd nn sora"
  [data]="core data"
  [train]="core autograd nn models sora data train"
  [cli]="core autograd nn models sora data train cli"
)
seen=0 wrong=0
for folder in "${!may[@]}"; do
  while IFS=: read -r file line text; do
    seen=$((seen + 1))
    target=${text#*\"}
    target=${target%%/*}
    if [[ " ${may[$folder]} " != *" $target "* ]]; then
      echo "$file:$line: $folder must not include $target: $text"
      wrong=$((wrong + 1))
    fi
  done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" \
    --include=*.h --include=*.cpp --include=*.cu --include=*.cuh --include=*.inc)
done
echo "$seen includes, $wrong against the arrows"
[ "$seen" -gt 0 ] && [ "$wrong" -eq 0 ]
