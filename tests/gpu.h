// For cases that want a GPU, or an emulated one.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "core/cuda_runtime.h"

namespace soragrad::test {

// Says so where there is none; the case is to end then.
inline bool skipped_without_gpu() {
  const std::string reason = cuda::unavailable_reason();
  if (!reason.empty()) MESSAGE("SKIPPED: " << reason);
  return !reason.empty();
}

}  // namespace soragrad::test
