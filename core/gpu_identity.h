// What the bits of results on a GPU depend on, besides the program: the GPU and the library of
// products, whose algorithms are chosen by both.
#pragma once

#include <string>

namespace soragrad::cuda {

// "NVIDIA H200, 132 multiprocessors, driver 13.0, cuBLASLt 130101". Throws if no GPU can be used.
std::string gpu_identity();
std::string product_library();  // "cuBLASLt 130101"; empty without CUDA

}  // namespace soragrad::cuda

// SPDX-License-Identifier: Apache-2.0
