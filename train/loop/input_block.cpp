#include "train/loop/input_block.h"

#include <vector>

#include "core/error.h"

namespace soragrad::train {
namespace {

constexpr int64_t kArrays = 10;

size_t bytes_of(const HostPass& pass) {
  const models::Positions& positions = pass.positions;
  const auto tokens = static_cast<size_t>(positions.tokens);
  const size_t wide = tokens + (pass.batch.token_type_ids.empty() ? 0 : tokens) +
                      pass.batch.offsets.size() + positions.position_ids.size() +
                      positions.position_rows.size();
  const size_t narrow = positions.distance_row.size();
  const size_t shares = pass.answers.shares.defined() ? pass.answers.shares.bytes() : 0;
  return wide * sizeof(int64_t) + narrow * sizeof(int32_t) + pass.answers.labels.bytes() + shares +
         sizeof(uint32_t) + sizeof(real);
}

}  // namespace

InputBlock::InputBlock(const HostPass& pass, Device device)
    : bytes_(bytes_of(pass)), block_(bytes_, kArrays, device) {}

void InputBlock::upload(const HostPass& pass) {
  require(bytes_of(pass) == bytes_,
          "[input_block] a batch of {} tokens in {} sequences does not fit.", pass.positions.tokens,
          pass.batch.sequences());
  block_.clear();
  input_ = models::upload(pass.batch, pass.positions,
                          [this](const auto& values) { return block_.add(values); });
  answers_.labels = block_.add(pass.answers.labels);
  if (pass.answers.shares.defined()) answers_.shares = block_.add(pass.answers.shares);
  answers_.smoothing = pass.answers.smoothing;
  share_ = block_.add(Tensor::full({}, pass.share));
  pass_ = block_.add(std::vector<int32_t>{static_cast<int32_t>(pass.number)});
  block_.upload();
}

const uint32_t* InputBlock::pass() const {
  return reinterpret_cast<const uint32_t*>(pass_.data<int32_t>());
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
