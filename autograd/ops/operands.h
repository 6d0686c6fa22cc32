// What ops check of their operands before a kernel gets plain pointers to them.
#pragma once

#include <initializer_list>

#include "autograd/ops.h"

namespace soragrad {

struct NamedTensor {
  const char* name;
  const Tensor& tensor;
};

// Throws unless the first one has a value and the others that have one are on its device.
inline void require_one_device(const char* op, std::initializer_list<NamedTensor> operands) {
  const NamedTensor& first = *operands.begin();
  require(first.tensor.defined(), "[{}] {} is undefined.", op, first.name);
  const Device device = first.tensor.device();
  for (const NamedTensor& each : operands) {
    if (!each.tensor.defined()) continue;
    require(each.tensor.device() == device,
            "[{}] {} is on {}, {} on {}; copy one of them with to().", op, first.name,
            name_of(device), each.name, name_of(each.tensor.device()));
  }
}

// The elements; null for a tensor that is undefined.
inline real* data_or_null(const Tensor& x) {
  return x.defined() ? x.data() : nullptr;
}

// Throws unless there is one I64 label a row of logits (rows, classes) and, on the CPU, each is one
// of the classes. On a GPU reading them would make the host wait, so they are the data reader's
// duty.
void require_labels(const char* op, const Tensor& logits, const Tensor& labels);

// The most tokens of a sequence. Throws unless the offsets on the host begin at 0 and increase, and
// those on the device are as many and, on the CPU, the same.
int64_t longest_sequence(const char* op, const AttentionLayout& layout);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
