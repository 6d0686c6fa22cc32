#include "sora/unit_sum.h"

#include <utility>

#include "autograd/ops.h"
#include "core/communicator.h"
#include "core/profile.h"

namespace soragrad::sora {

void UnitSum::add(const Tensor& grads, int units) {
  if (world().size() == 1) {
    add_part(grads);
  } else {
    add_shards(grads, units);
  }
  grads.fill_zero();
}

void UnitSum::add_shards(const Tensor& grads, int units) {
  const profile::Span span("exchange");
  Communicator& all = world();
  const int64_t own = shard_of(grads.numel(), all.rank(), all.size()).size();
  if (!received_.defined() || received_.numel() < own * units) {
    received_ = Tensor::empty({own * units}, grads.dtype(), all.device());
  }
  all.exchange(grads.to(all.device()), units, received_.slice(0, own * units));
  for (int64_t sender = 0; sender < units; ++sender) {
    add_part(received_.slice(sender * own, (sender + 1) * own));
  }
}

void UnitSum::add_part(const Tensor& part) {
  if (!sum_.defined()) sum_ = Tensor::empty_like(part);
  if (std::exchange(is_empty_, false)) {
    sum_.copy_from(part);
  } else {
    add_inplace(sum_, part);
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
  const bool is_there = grads.device() == all.device();
  const Tensor whole = is_there ? grads : Tensor::empty(grads.shape(), grads.dtype(), all.device());
  const ShardRange own = shard_of(grads.numel(), all.rank(), all.size());
  whole.slice(own.begin, own.end).copy_from(sum_);
  all.gather(whole);
  if (!is_there) grads.copy_from(whole);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
