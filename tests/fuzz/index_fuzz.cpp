#include "nn/checkpoint/shard_index.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soragrad::nn;
  return run_reader([&] {
    const FileBytes file = as_file(data, size);
    for (const auto& [name, shard] : read_shard_index(file)) {
      // Whatever passes must be a file of this very folder.
      const std::filesystem::path path = shard_path("/proc/self", shard, file.where);
      if (path.parent_path() != "/proc/self") std::abort();
    }
  });
}
