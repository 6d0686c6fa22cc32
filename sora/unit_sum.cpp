#include "sora/unit_sum.h"

#include <algorithm>
#include <span>
#include <utility>

#include "autograd/ops.h"
#include "core/communicator.h"
#include "core/parallel.h"
#include "core/profile.h"

namespace soragrad::sora {

namespace {

// The elements in host memory: of the tensor itself, or of a copy that `host` keeps.
std::span<real> on_host(const Tensor& grads, Tensor& host) {
  host = grads.device() == Device::cpu ? grads : grads.to(Device::cpu);
  return {host.data(), static_cast<size_t>(host.numel())};
}

}  // namespace

void UnitSum::add(const Tensor& grads, int units) {
  if (world().size() == 1) {
    add_alone(grads);
  } else {
    add_shards(grads, units);
  }
  grads.fill_zero();
}

void UnitSum::add_alone(const Tensor& grads) {
  if (!sum_.defined()) sum_ = Tensor::empty_like(grads);
  if (std::exchange(is_empty_, false)) {
    sum_.copy_from(grads);
  } else {
    add_inplace(sum_, grads);
  }
}

void UnitSum::add_shards(const Tensor& grads, int units) {
  const profile::Span span("exchange");
  Communicator& all = world();
  Tensor host;
  const std::span<const real> unit = on_host(grads, host);
  const int64_t own = shard_of(grads.numel(), all.rank(), all.size()).size();
  received_.resize(static_cast<size_t>(own * units));
  shard_.resize(static_cast<size_t>(own));
  for (const std::span<const real> part : all.exchange(unit, units, received_)) {
    if (std::exchange(is_empty_, false)) {
      std::copy(part.begin(), part.end(), shard_.begin());
      continue;
    }
    parallel_chunks(own, kMemoryGrain, [&](int64_t begin, int64_t end) {
      const real* from = part.data();
      for (int64_t i = begin; i < end; ++i) shard_[static_cast<size_t>(i)] += from[i];
    });
  }
}

void UnitSum::finish(const Tensor& grads) {
  if (is_empty_) return;  // one unit of one process: it is the sum
  is_empty_ = true;
  Communicator& all = world();
  if (all.size() == 1) {
    grads.copy_from(sum_);
    return;
  }
  const profile::Span span("exchange");
  Tensor host;
  const std::span<real> sum = on_host(grads, host);
  std::copy(shard_.begin(), shard_.end(),
            sum.begin() + shard_of(grads.numel(), all.rank(), all.size()).begin);
  all.gather(sum);
  if (grads.device() != Device::cpu) grads.copy_from(host);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
