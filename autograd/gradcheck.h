// Gradients proved by finite differences: the test of every op. It varies `inputs`, so a module's
// own parameters are checked by a function that gives them values (Variable::set_value). Meant for
// the build with real = double, in which it is exact to about 1e-11. In float, rounding hides all
// but large errors.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "autograd/variable.h"

namespace soragrad {

// The worst disagreement between backward() and differences.
struct GradcheckResult {
  double worst = 0;         // |analytic - numeric| / largest |numeric| of the same input
  std::string where;        // "input 1, element 7: 0.25 by backward, 0.24 by differences"
  int64_t derivatives = 0;  // how many were compared
};

// The function to check: from the inputs to one result of any shape. It must be deterministic (pass
// dropout a fixed stream).
using DifferentiableFunction = std::function<Variable(std::span<const Variable>)>;

// Compares the gradients of f = sum(function(inputs) * c), c drawn from N(0, 1) by `seed`, with
// five-point central differences, at every element of every trainable input:
//   f'(x) = (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h,     h = 0.002
// The function must be smooth within 2h of the inputs. Inputs are leaves, trainable or frozen;
// their gradients are cleared first. Costs 4 calls of the function per derivative.
GradcheckResult gradcheck(const DifferentiableFunction& function, std::span<const Variable> inputs,
                          uint64_t seed = 1);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
