// Launches that closures put off until several can be one (autograd/deferred.h). What a launch
// writes is read by later ones of this list alone, and by the optimizer.
#pragma once

#include <vector>

#include "core/kernels/attention/fold_distances.h"
#include "core/kernels/linear/delta_product.h"
#include "core/kernels/linear/low_rank_sums.h"
#include "core/tensor.h"

namespace soragrad::waiting {

using Tensors = std::vector<Tensor>;  // what the pointers point into
using SumsPart = kernels::LowRankSumsArgs::Part;
using ProductPart = kernels::DeltaOperandArgs::Part;

// Tables' gradients of attention: those of all layers.
void add_fold(const kernels::FoldDistancesArgs& fold, const Tensors& tensors);
// Then narrow products dh = dy B whose dx nobody wants, and the sums over rows that read dh.
void add_product(const ProductPart& product, const SumsPart& sums, const Tensors& tensors);
// Sums over rows of deltas. They only add to gradients that stay.
void add_sums(const SumsPart& part, const Tensors& tensors);

}  // namespace soragrad::waiting

// SPDX-License-Identifier: Apache-2.0
