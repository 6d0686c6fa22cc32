#include "train/loop/input_block.h"

#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/integer_math.h"

namespace soragrad::train {
namespace {

constexpr int64_t kAlignment = 16;
constexpr int64_t kArrays = 10;

// Bytes of all arrays, each rounded up.
int64_t room_for(const HostPass& pass) {
  const models::Positions& positions = pass.positions;
  const auto tokens = static_cast<size_t>(positions.tokens);
  const size_t wide = tokens + (pass.batch.token_type_ids.empty() ? 0 : tokens) +
                      pass.batch.offsets.size() + positions.position_ids.size() +
                      positions.position_rows.size();
  const size_t narrow = positions.distance_row.size();
  const size_t shares = pass.answers.shares.defined() ? pass.answers.shares.bytes() : 0;
  return static_cast<int64_t>(wide * sizeof(int64_t) + narrow * sizeof(int32_t) +
                              pass.answers.labels.bytes() + shares + sizeof(uint32_t) +
                              sizeof(real)) +
         kArrays * kAlignment;
}

}  // namespace

InputBlock::InputBlock(const HostPass& pass, Device device)
    : host_(Tensor::empty({room_for(pass)}, DType::u8)),
      device_(Tensor::empty(host_.shape(), DType::u8, device)) {}

void InputBlock::upload(const HostPass& pass) {
  require(room_for(pass) == host_.numel(),
          "[input_block] a batch of {} tokens in {} sequences does not fit.", pass.positions.tokens,
          pass.batch.sequences());
  used_ = 0;
  input_ = models::upload(pass.batch, pass.positions, [this](const auto& values) {
    return add(Tensor::from(values, {static_cast<int64_t>(values.size())}));
  });
  answers_.labels = add(pass.answers.labels);
  if (pass.answers.shares.defined()) answers_.shares = add(pass.answers.shares);
  answers_.smoothing = pass.answers.smoothing;
  share_ = add(Tensor::full({}, pass.share));
  pass_ = add(Tensor::from(std::vector<int32_t>{static_cast<int32_t>(pass.number)}, {1}));
  const auto used = static_cast<int64_t>(used_);
  device_.slice(0, used).copy_from(host_.slice(0, used));
}

const uint32_t* InputBlock::pass() const {
  return reinterpret_cast<const uint32_t*>(pass_.data<int32_t>());
}

Tensor InputBlock::add(const Tensor& values) {
  std::memcpy(host_.raw() + used_, values.raw(), values.bytes());
  Tensor placed(device_.storage(), device_.offset() + used_, values.shape(), values.dtype());
  used_ += round_up(values.bytes(), kAlignment);
  return placed;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
