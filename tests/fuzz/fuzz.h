// What the fuzz targets share: Errors are the right answer to a damaged file, all else is a find.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "nn/checkpoint/stored_tensor.h"

namespace soragrad::nn {

inline FileBytes as_file(const uint8_t* data, size_t size) {
  return {std::as_bytes(std::span(data, size)), nullptr, "file"};
}

// Copies the smaller tensors, which touches every byte that a reader has let through.
inline void copy_all(std::span<const StoredTensor> tensors) {
  constexpr int64_t kMaxCopied = 1 << 16;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.numel() > kMaxCopied) continue;
    try {
      std::vector<float> numbers(static_cast<size_t>(tensor.numel()));
      copy_to(tensor, std::span(numbers));
    } catch (const Error&) {
    }
  }
}

// Runs a reader; an Error must be one line that names the file.
template <typename Reader>
int run_reader(Reader&& reader) {
  try {
    reader();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (!message.starts_with("[file] ") || message.find('\n') != message.npos) std::abort();
  }
  return 0;
}

}  // namespace soragrad::nn
