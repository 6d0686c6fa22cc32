// Arrays that differ from step to step, in one piece of memory on the device that one copy fills,
// without a wait. Addresses stay, so a recorded step finds the next step's arrays in it
// (recorded_work.h).
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace soragrad::train {

class UploadBlock {
 public:
  // Room for `arrays` arrays of `bytes` bytes together.
  UploadBlock(size_t bytes, int64_t arrays, Device device);

  // Begins anew: the next arrays take the places of the last.
  void clear() { used_ = 0; }
  // Places a host Tensor, or values as a Tensor of one axis, behind the last array. -> where
  // upload() will put it on the device.
  Tensor add(const Tensor& values);
  template <typename T>
  Tensor add(const std::vector<T>& values) {
    return add(Tensor::from(values, {static_cast<int64_t>(values.size())}));
  }
  // Copies all arrays to the device.
  void upload();

 private:
  Tensor host_, device_;  // bytes
  size_t used_ = 0;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
