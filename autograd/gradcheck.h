// Gradients proved by differences: the test of every op and of whole models, meant for the build
// with real = double.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "autograd/variable.h"

namespace soragrad {

// Where the worst disagreement stands and how large it is.
struct GradcheckResult {
  double worst = 0;         // |analytic - numeric| over the largest numeric derivative of its input
  std::string where;        // "input 1, element 7: 0.25 by backward, 0.24 by differences"
  int64_t derivatives = 0;  // compared
};

using DifferentiableFunction = std::function<Variable(std::span<const Variable>)>;

// Compares backward() of sum(function(inputs) * c), with c drawn from N(0, 1), with five-point
// central differences (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h at every element of every trainable
// input. The function must be smooth within 2h = 0.004 of the inputs. Inputs are trainable leaves
// or frozen.
GradcheckResult gradcheck(const DifferentiableFunction& function, std::span<const Variable> inputs,
                          uint64_t seed = 1);

}  // namespace soragrad
