#include "train/loop/input_block.h"

#include <cstring>
#include <vector>

#include "core/error.h"

namespace soragrad::train {
namespace {

constexpr int64_t kAlignment = 16;
constexpr int64_t kArrays = 9;

// Bytes of all arrays, each rounded up.
int64_t room_for(const models::HostInput& host, const Tensor& answers) {
  const size_t wide = host.input_ids.size() + host.token_type_ids.size() + host.offsets.size() +
                      host.position_ids.size() + host.position_rows.size();
  return static_cast<int64_t>(wide * sizeof(int64_t) + host.distance_row.size() * sizeof(int32_t) +
                              answers.bytes() + sizeof(uint32_t) + sizeof(real)) +
         kArrays * kAlignment;
}

}  // namespace

InputBlock::InputBlock(const models::HostInput& host, const Tensor& answers, Device device)
    : host_(Tensor::empty({room_for(host, answers)}, DType::u8)),
      device_(Tensor::empty(host_.shape(), DType::u8, device)) {}

void InputBlock::upload(const models::HostInput& host, const Tensor& answers, uint32_t pass,
                        real share) {
  require(room_for(host, answers) == host_.numel(),
          "[input_block] a batch of {} tokens in {} sequences does not fit.", host.tokens(),
          host.sequences());
  used_ = 0;
  input_ = models::place_input(host, [this](const auto& values) {
    return add(Tensor::from(values, {static_cast<int64_t>(values.size())}));
  });
  answers_ = add(answers);
  share_ = add(Tensor::full({}, share));
  pass_ = add(Tensor::from(std::vector<int32_t>{static_cast<int32_t>(pass)}, {1}));
  const auto used = static_cast<int64_t>(used_);
  device_.slice(0, used).copy_from(host_.slice(0, used));
}

const uint32_t* InputBlock::pass() const {
  return reinterpret_cast<const uint32_t*>(pass_.data<int32_t>());
}

Tensor InputBlock::add(const Tensor& values) {
  std::memcpy(host_.raw() + used_, values.raw(), values.bytes());
  const Tensor placed(device_.storage(), device_.offset() + used_, values.shape(), values.dtype());
  used_ += (values.bytes() + kAlignment - 1) / kAlignment * kAlignment;
  return placed;
}

}  // namespace soragrad::train
