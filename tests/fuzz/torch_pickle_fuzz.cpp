// A pickle whose storages are all there, of the size that it states where that is small.
#include "nn/checkpoint/torch_pickle.h"

#include "nn/checkpoint/torch_state_dict.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soragrad::nn;
  return run_reader([&] {
    const FileBytes file = as_file(data, size);
    const Pickle pickle = read_pickle(file.bytes, file.where);
    static const std::vector<std::byte> zeros(1 << 16);
    std::vector<FileBytes> storages;
    for (const PickledStorage& storage : pickle.storages) {
      const size_t item = soragrad::size_of(storage.dtype);
      const auto numel = std::min(static_cast<size_t>(storage.numel), zeros.size() / item);
      storages.push_back({std::span(zeros).first(numel * item), nullptr, file.where});
    }
    copy_all(list_tensors(pickle, storages, file.where));
  });
}
