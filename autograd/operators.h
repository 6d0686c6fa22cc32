// Arithmetic and comparisons as they are written in formulas.
//
// + - * are ops of the tape (ops.h) on Variables of equal shapes, or of a Variable and a number.
// There is no broadcasting: other shapes throw, with both in the message. A number is a constant:
// it gets no gradient.
//
// Comparisons take no part in the tape. They return a BOOL tensor of the operands' shape and on
// their device; they are meant for metrics and tests, and compute on the host, so a GPU is waited
// for. Both tensors must have one shape and one element type. A NaN is equal to nothing.
#pragma once

#include <cstdint>

#include "autograd/variable.h"

namespace soragrad {

Variable operator+(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, const Variable& b);  // a + (-1 b)
// Element by element; matmul() is in ops.h.
Variable operator*(const Variable& a, const Variable& b);
Variable operator+(const Variable& a, real b);
Variable operator+(real a, const Variable& b);
Variable operator-(const Variable& a, real b);
Variable operator-(real a, const Variable& b);
Variable operator*(const Variable& a, real b);
Variable operator*(real a, const Variable& b);
Variable operator-(const Variable& x);

Tensor operator==(const Tensor& a, const Tensor& b);
Tensor operator!=(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, const Tensor& b);
// The values of the Variables.
Tensor operator==(const Variable& a, const Variable& b);
Tensor operator!=(const Variable& a, const Variable& b);
Tensor operator<(const Variable& a, const Variable& b);
Tensor operator<=(const Variable& a, const Variable& b);
Tensor operator>(const Variable& a, const Variable& b);
Tensor operator>=(const Variable& a, const Variable& b);

// Number of true elements of a BOOL tensor: count(a == b) == a.numel() if all are equal.
int64_t count(const Tensor& mask);
// Index of the largest element of each row, (..., columns) of reals -> I64 (rows). The first of
// equal ones; a NaN is never the largest. Throws if there are no columns. Computes on the host.
Tensor argmax(const Tensor& x);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
