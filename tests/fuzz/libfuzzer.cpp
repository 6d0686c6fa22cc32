// libFuzzer's entry, compiled once a target: SORAGRAD_FUZZ_TARGET is its name.
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
