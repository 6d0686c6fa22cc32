#include "train/loop/upload_block.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/integer_math.h"

namespace soragrad::train {
namespace {

constexpr int64_t kArrayAlignment = 16;

}  // namespace

UploadBlock::UploadBlock(size_t bytes, int64_t arrays, Device device)
    : host_(Tensor::empty({static_cast<int64_t>(bytes) + arrays * kArrayAlignment}, DType::u8)),
      device_(Tensor::empty(host_.shape(), DType::u8, device)) {}

Tensor UploadBlock::add(const Tensor& values) {
  const size_t end = used_ + values.bytes();
  require(end <= host_.bytes(), "[upload_block] {} bytes do not fit into a block of {}.", end,
          host_.bytes());
  std::memcpy(host_.raw() + used_, values.raw(), values.bytes());
  Tensor placed(device_.storage(), device_.offset() + used_, values.shape(), values.dtype());
  used_ = round_up(end, kArrayAlignment);
  return placed;
}

void UploadBlock::upload() {
  const auto used = std::min(static_cast<int64_t>(used_), host_.numel());
  device_.slice(0, used).copy_from(host_.slice(0, used));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
