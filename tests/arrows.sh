#!/usr/bin/env bash
# arrows.sh CHECK FOLDER: check_arrows.sh must refuse each forbidden include, one at a time, and
# take the allowed ones.
set -euo pipefail
check=$1 folder=$2
wrong=0
try() {  # EXPECTED FILE INCLUDED
  rm -rf -- "$folder"
  mkdir -p -- "$folder/$(dirname -- "$2")"
  printf '#pragma once\n#include "%s"\n' "$3" >"$folder/$2"
  local got=taken
  bash "$check" "$folder" >/dev/null || got=refused
  [ "$got" = "$1" ] && return
  echo "$2 includes $3: $got, must be $1"
  wrong=1
}
try refused core/tensor.h nn/linear.h
try refused sora/method.h models/model.h
try refused data/task.h train/config/config.h
try refused train/config/config.h train/report/text_table.h
try refused train/run/run_folder.h train/loop/plan.h
try refused train/recipe/recipe.h train/run/run_folder.h
try refused train/loop/trainer.h train/report/summary.h
try refused train/report/summary.h train/loop/trainer.h
try refused train/loop/trainer.h train/attic/old.h
try refused core/kernels/loss/sums.h core/kernels/norm/softmax.h
try refused core/kernels/linear/gemm.cu core/kernels/attention/attention.h
try refused core/kernels/kernel.h core/kernels/linear/gemm.h
try refused core/kernels/kernel.h autograd/variable.h
try refused models/encoder.cpp core/kernels/linear/gemm.h
try taken sora/sora.cpp core/kernels/linear/gemm.h
try taken cli/version.cpp core/kernels/linear/gemm_bf16.h
try taken cli/version.cpp core/kernels/linear/gemm_gelu.h
try taken train/loop/trainer.h train/run/run_folder.h
try taken train/report/summary.h train/recipe/recipe.h
try taken core/kernels/attention/attention.cpp core/kernels/linear/round_bf16.h
try taken core/kernels/loss/sums.h core/kernels/kernel.h
rm -rf -- "$folder"
exit $wrong

# SPDX-License-Identifier: Apache-2.0
