#include "autograd/ops/input_gradient.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/operands.h"
#include "core/kernels/feed_forward/feed_forward_bf16.h"
#include "core/kernels/linear/bf16_operands.h"
#include "core/kernels/linear/column_sum.h"

namespace soragrad {
namespace {

constexpr const char* kFeedForward = "feed_forward";
// The inputs of the op by their numbers.
enum class Place : size_t { x, weight1, bias1, weight2, bias2 };

bool is_one_kernel(const Variable& x, const PackedMatrix& first, const PackedMatrix& second) {
  return x.device() == Device::cpu && first.precision() == Precision::bf16 &&
         second.precision() == Precision::bf16 && kernels::has_feed_forward_bf16();
}

// What backward reads.
struct KeptFeedForward {
  kernels::FeedForwardSizes sizes;
  Tensor x;                   // undefined: no gradient of the first weight is wanted
  Tensor derivative, active;  // active undefined: none of the second weight
  Shape bias1, bias2;
  std::shared_ptr<PackedMatrix> first, second;

  void backward(const Tensor& dy, Gradients& gradients) const;
};

void KeptFeedForward::backward(const Tensor& dy, Gradients& gradients) const {
  const auto gradient_of = [&](Place place, const Shape& shape) {
    return InputGradient(gradients, static_cast<size_t>(place), shape, Device::cpu);
  };
  const InputGradient dx = gradient_of(Place::x, {sizes.rows, sizes.in});
  const InputGradient dw1 = gradient_of(Place::weight1, first->weight().shape());
  const InputGradient db1 = gradient_of(Place::bias1, bias1);
  const InputGradient dw2 = gradient_of(Place::weight2, second->weight().shape());
  const InputGradient db2 = gradient_of(Place::bias2, bias2);
  kernels::feed_forward_backward_bf16(
      Device::cpu, {.sizes = sizes,
                    .x = data_or_null(x),
                    .dy = dy.data(),
                    .derivative = derivative.data(),
                    .active = active.defined() ? active.data<bfloat16>() : nullptr,
                    .w1 = dx.wanted() ? first->packed_bf16(false) : nullptr,
                    .w2 = second->packed_bf16(false),
                    .dx = dx.get(),
                    .dw1 = dw1.get(),
                    .db1 = db1.get(),
                    .dw2 = dw2.get()});
  if (db2.wanted()) kernels::column_sum(Device::cpu, {dy.data(), db2.get(), sizes.rows, sizes.out});
  for (const InputGradient* each : {&dx, &dw1, &db1, &dw2, &db2}) each->hand_over(gradients);
}

}  // namespace

Variable feed_forward(const Variable& x, const LinearWeights& first, const LinearWeights& second,
                      bool with_value) {
  const auto up = packed_or_plain(first), down = packed_or_plain(second);
  if (!is_one_kernel(x, *up, *down)) {
    return linear(linear_gelu(x, first.weight, first.bias, up), second.weight, second.bias, down,
                  with_value);
  }
  require_one_device(kFeedForward, {{"x", x.value()},
                                    {"the first weight", first.weight.value()},
                                    {"its bias", first.bias.value()},
                                    {"the second weight", second.weight.value()},
                                    {"its bias", second.bias.value()}});
  require_fit(kFeedForward, x.shape(), first);
  const Shape wide = {x.size(0), first.weight.size(0)}, shape = {x.size(0), second.weight.size(0)};
  require_fit(kFeedForward, wide, second);
  const bool walked = grad_wanted({x, first.weight, first.bias, second.weight, second.bias});
  KeptFeedForward kept = {.sizes = {x.size(0), x.size(1), wide[1], shape[1]},
                          .bias1 = first.bias.shape(),
                          .bias2 = second.bias.shape(),
                          .first = up,
                          .second = down};
  if (walked) kept.derivative = Tensor::empty(wide);
  if (grad_wanted({first.weight})) kept.x = x.value();
  if (grad_wanted({second.weight})) {
    kept.active = Tensor::empty({kernels::bf16_panels_elements(wide[1], wide[0])}, DType::bf16);
  }
  Tensor y = with_value ? Tensor::empty(shape) : Tensor::zeros(shape);
  kernels::feed_forward_bf16(
      Device::cpu, {.sizes = kept.sizes,
                    .x = x.value().data(),
                    .w1 = up->packed_bf16(true),
                    .w2 = down->packed_bf16(true),
                    .b1 = data_or_null(first.bias.value()),
                    .b2 = data_or_null(second.bias.value()),
                    .y = with_value ? y.data() : nullptr,
                    .derivative = data_or_null(kept.derivative),
                    .active = kept.active.defined() ? kept.active.data<bfloat16>() : nullptr});
  return record(kFeedForward, std::move(y),
                {x, first.weight, first.bias, second.weight, second.bias},
                [kept](const Tensor& dy, Gradients& gradients) { kept.backward(dy, gradients); });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
