// libFuzzer's entry point, compiled once for each target, whose name is SORAGRAD_FUZZ_TARGET.
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soragrad::fuzz;
  for (const Target& target : SORAGRAD_FUZZ_LIST()) {
    if (target.name != SORAGRAD_FUZZ_TARGET) continue;
    run(target, {reinterpret_cast<const char*>(data), size});
    return 0;
  }
  std::abort();  // no such target
}

// SPDX-License-Identifier: Apache-2.0
