// The permutations that torch.randperm draws on the CPU and NumPy's Generator.permutation, so that
// published splits and samples of rows can be repeated without PyTorch and NumPy.
#pragma once

#include <cstdint>
#include <vector>

namespace soragrad::data {

// The numbers 0 to n - 1 in the order of
//   torch.randperm(n, generator=torch.Generator().manual_seed(seed)),
// a Fisher-Yates shuffle over std::mt19937 that keeps the low 32 bits of the seed:
//   for i in 0 .. n - 2: swap(order[i], order[i + generator() % (n - i)])
// n must be below 2^32 / 20, where torch goes over to another method.
std::vector<int64_t> torch_randperm(int64_t n, uint64_t seed);

// The numbers 0 to n - 1 in the order of numpy.random.default_rng(seed).permutation(n), which
// Hugging Face's Dataset.shuffle(seed) takes: a Fisher-Yates shuffle from the end over PCG64. n and
// seed must be below 2^32.
std::vector<int64_t> numpy_permutation(int64_t n, uint32_t seed);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
