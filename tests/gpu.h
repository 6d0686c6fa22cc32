// For test cases that need a GPU, or an emulated one.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "core/cuda_runtime.h"

namespace soragrad::test {

// Without a GPU it prints SKIPPED with the reason and returns true: the case must then return.
inline bool skipped_without_gpu() {
  const std::string reason = cuda::unavailable_reason();
  if (!reason.empty()) MESSAGE("SKIPPED: " << reason);
  return !reason.empty();
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
