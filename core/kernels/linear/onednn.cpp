#include "core/kernels/linear/onednn.h"

#include <dnnl.hpp>

namespace soragrad::kernels {

// cpu_isa values are sets of bits; a larger instruction set contains the bits of the smaller ones.
bool has_native_bf16() {
  constexpr auto kRequired = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  static const bool has =
      (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & kRequired) == kRequired;
  return has;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
