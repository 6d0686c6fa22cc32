// Ops of pre-training: the losses' companions, samples of a generator, replaced tokens.
#include "autograd/ops.h"
#include "autograd/ops/operands.h"
#include "core/kernels/loss/binary_cross_entropy.h"
#include "core/kernels/loss/token_choice.h"
#include "core/kernels/rows/first_token.h"
#include "core/kernels/rows/replace_tokens.h"

namespace soragrad {
Variable binary_cross_entropy(const Variable& logits, const Tensor& targets, Tensor* hits) {
  const Tensor x = logits.value();
  require_one_device("binary_cross_entropy", {{"logits", x}, {"targets", targets}});
  require(x.numel() == targets.numel() && x.numel() > 0 && targets.dtype() == kReal &&
              (x.shape().rank() == 1 || (x.shape().rank() == 2 && x.size(1) == 1)),
          "[binary_cross_entropy] targets {} of {} do not fit logits {}; one {} a row is needed.",
          targets.shape(), name_of(targets.dtype()), x.shape(), name_of(kReal));
  Tensor loss = Tensor::empty(Shape{}, kReal, x.device());
  const Tensor right = Tensor::empty(Shape{}, kReal, x.device());
  kernels::binary_cross_entropy(x.device(),
                                {x.data(), targets.data(), loss.data(), right.data(), x.numel()});
  if (hits) *hits = right;
  return record("binary_cross_entropy", std::move(loss), {logits},
                [=](const Tensor& dloss, Gradients& gradients) {
                  Tensor dx = Tensor::empty_like(x);
                  kernels::binary_cross_entropy_backward(
                      x.device(), {x.data(), targets.data(), dloss.data(), dx.data(), x.numel()});
                  gradients.add(0, std::move(dx));
                });
}

Variable add_first_token(const Variable& x, const AttentionLayout& layout) {
  const Tensor offsets = layout.offsets;
  require_one_device("add_first_token", {{"x", x.value()}, {"offsets", offsets}});
  longest_sequence("add_first_token", layout);  // checks the offsets
  const int64_t sequences = offsets.numel() - 1;
  const int64_t places = layout.host_offsets.back() + layout.idle_tokens;
  require(x.shape().rank() == 2 && layout.idle_tokens >= 0 && places == x.size(0),
          "[add_first_token] x {} does not fit a layout of {} tokens.", x.shape(), places);
  const int64_t tokens = x.size(0), hidden = x.size(1);
  Tensor y = Tensor::empty_like(x.value());
  kernels::add_first_token(
      x.device(), {offsets.data<int64_t>(), x.value().data(), y.data(), sequences, tokens, hidden});
  return record("add_first_token", std::move(y), {x}, [=](const Tensor& dy, Gradients& gradients) {
    Tensor dx = Tensor::empty_like(dy);
    kernels::add_first_token_backward(
        dy.device(), {offsets.data<int64_t>(), dy.data(), dx.data(), sequences, tokens, hidden});
    gradients.add(0, std::move(dx));
  });
}

Tensor sample_tokens(const Tensor& logits, const RandomStream& stream) {
  require(logits.shape().rank() == 2 && logits.size(1) > 0,
          "[sample_tokens] logits {}; (rows, vocabulary) is needed.", logits.shape());
  Tensor samples = Tensor::empty({logits.size(0)}, DType::i64, logits.device());
  kernels::sample_tokens(logits.device(), {.logits = logits.data(),
                                           .samples = samples.data<int64_t>(),
                                           .rows = logits.size(0),
                                           .vocab = logits.size(1),
                                           .stream = stream});
  return samples;
}

Tensor label_hits(const Tensor& logits, const Tensor& labels) {
  require_labels("label_hits", logits, labels);
  Tensor hits = Tensor::empty(Shape{}, kReal, logits.device());
  kernels::label_hits(logits.device(), {logits.data(), labels.data<int64_t>(), hits.data(),
                                        logits.size(0), logits.size(1)});
  return hits;
}

ReplacedTokens replace_tokens(const Tensor& ids, const Tensor& positions, const Tensor& samples,
                              const Tensor& labels) {
  require_one_device(
      "replace_tokens",
      {{"ids", ids}, {"positions", positions}, {"samples", samples}, {"labels", labels}});
  require(positions.shape() == samples.shape() && positions.shape() == labels.shape(),
          "[replace_tokens] positions {}, samples {} and labels {} differ.", positions.shape(),
          samples.shape(), labels.shape());
  if (positions.device() == Device::cpu) {
    for (const int64_t position : positions.elements<int64_t>()) {
      require(position >= 0 && position < ids.numel(),
              "[replace_tokens] position {} is outside of the {} tokens.", position, ids.numel());
    }
  }
  ReplacedTokens result{Tensor::empty(ids.shape(), DType::i64, ids.device()),
                        Tensor::empty(ids.shape(), kReal, ids.device())};
  kernels::replace_tokens(ids.device(), {.ids = ids.data<int64_t>(),
                                         .positions = positions.data<int64_t>(),
                                         .samples = samples.data<int64_t>(),
                                         .labels = labels.data<int64_t>(),
                                         .replaced = result.ids.data<int64_t>(),
                                         .targets = result.targets.data(),
                                         .tokens = ids.numel(),
                                         .n = positions.numel()});
  return result;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
