#include "sora/merge.h"

#include "core/parallel.h"
#include "sora/targets.h"

namespace soragrad::sora {

Tensor merged_weight(const nn::Linear& linear, const FoldedDelta& delta) {
  const Tensor weight = linear.weight.value().to(Device::cpu).clone();
  const int64_t in = linear.in(), out = linear.out();
  const real* a = delta.a.data();
  const real* b = delta.b.data();
  real* w = weight.data();
  parallel_chunks(out, 64, [&](int64_t begin, int64_t end) {
    std::vector<double> row(static_cast<size_t>(in));
    for (int64_t o = begin; o < end; ++o) {
      std::fill(row.begin(), row.end(), 0.0);
      for (int64_t k = 0; k < delta.rank; ++k) {
        const double factor = delta.factor * double{b[o * delta.rank + k]};
        for (int64_t i = 0; i < in; ++i) row[static_cast<size_t>(i)] += factor * a[k * in + i];
      }
      for (int64_t i = 0; i < in; ++i) {
        w[o * in + i] = static_cast<real>(w[o * in + i] + row[static_cast<size_t>(i)]);
      }
    }
  });
  return weight.to(linear.weight.device());
}

void merge(nn::Module& model) {
  const std::vector<nn::Linear*> all = linears(model);
  for (nn::Linear* linear : all) {
    require(
        linear->delta() == nullptr || dynamic_cast<GatedDelta*>(linear->delta()) != nullptr,
        "[merge] the adapter at {} is no linear map, so no weight equals it; keep the run's own "
        "format.",
        linear->path());
    require(linear->delta() == nullptr || linear->weight.value().dtype() == kReal,
            "[merge] {}.weight is {}; load the model in fp32 to merge.", linear->path(),
            name_of(linear->weight.value().dtype()));
  }
  for (nn::Linear* linear : all) {
    const auto* delta = dynamic_cast<GatedDelta*>(linear->delta());
    if (!delta) continue;
    linear->weight.assign(merged_weight(*linear, fold(*delta)));
    linear->attach(nullptr);
  }
}

void detach(nn::Module& model) {
  const auto token = model.token().lock();
  require(!token->trained, "[detach] a tuner trains the model; destroy it first.");
  for (nn::Linear* linear : linears(model)) linear->attach(nullptr);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
