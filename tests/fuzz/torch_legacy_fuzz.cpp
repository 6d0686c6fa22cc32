#include "nn/checkpoint/torch_legacy.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soragrad::nn;
  return run_reader([&] { copy_all(read_torch_legacy(as_file(data, size))); });
}
