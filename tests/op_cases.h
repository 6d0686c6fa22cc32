// The table of ops: one or more rows for each function of autograd/ops.h. The rows drive the
// gradient check in double, the comparisons of fused ops with composed ones, of one thread with two
// and of CUDA with the CPU, and the kernel benchmarks. An op without a row fails a test.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "core/rng.h"

namespace soragrad::test {

using Call = std::function<Variable(std::span<const Variable>)>;

struct OpInput {
  Tensor value;
  bool differentiable = true;
};

struct OpCase {
  std::string op;    // the name in ops.h and in record()
  std::string what;  // what this row covers
  std::vector<OpInput> inputs;
  Call call;
  Call composed;  // the same result from simpler ops; empty if the op is a simple one
  // Largest difference in float between two ways to compute it, of the values and of every
  // gradient, relative to their largest element.
  double tolerance = 1e-6;
  const char* reason = "float rounding, 2^-24 an operation, of a short chain";
};

const std::vector<OpCase>& op_cases();

// The row's inputs as fresh leaves on a device.
std::vector<Variable> make_variables(const OpCase& row, Device device = Device::cpu);

// The result of a row on a device: the value y, and the gradient of the sum of y times fixed random
// numbers by each input (empty for a frozen input).
struct Outcome {
  std::vector<real> value;
  std::vector<std::vector<real>> gradients;
};
Outcome run_case(const OpCase& row, const Call& call, Device device = Device::cpu);

// The largest difference, relative to the largest element of `expected`; infinite if sizes differ.
double difference(const std::vector<real>& actual, const std::vector<real>& expected);

// Parts of the table, a file each.
void add_attention_cases(std::vector<OpCase>& rows);
void add_elementwise_cases(std::vector<OpCase>& rows);
void add_joint_cases(std::vector<OpCase>& rows);
void add_linear_cases(std::vector<OpCase>& rows);
void add_loss_cases(std::vector<OpCase>& rows);
void add_norm_cases(std::vector<OpCase>& rows);
void add_pretraining_cases(std::vector<OpCase>& rows);
void add_row_cases(std::vector<OpCase>& rows);

// -- Inputs ---------------------------------------------------------------------------------------
// N(0, 1) from Philox.
Tensor normal(const Shape& shape, uint64_t seed);
// The same, moved away from 0 by `gap`: for functions with a kink there.
Tensor normal_off_zero(const Shape& shape, uint64_t seed, real gap);
// The factors of dropout, 0 or 1 / (1 - p), for the elements from number `first` on.
Tensor dropout_mask(const Shape& shape, double p, const RandomStream& stream, uint64_t first = 0);
// x rounded to bf16 by the host. In the double build precision does not apply, and nothing is.
Tensor rounded(const Tensor& x);
// A frozen Variable.
Variable constant(const std::vector<real>& values, const Shape& shape, Device device);
// (n, rows): row i has a single 1, in column index[i].
Variable one_hot(const std::vector<int64_t>& index, int64_t rows, Device device);

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
