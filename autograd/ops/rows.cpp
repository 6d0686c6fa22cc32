// Ops that pick rows: embedding, select_rows, slice_rows.
#include <algorithm>

#include "autograd/ops.h"
#include "autograd/ops/operands.h"
#include "autograd/ops/rows.h"
#include "core/kernels/rows/rows.h"

namespace soragrad {
namespace {

constexpr int64_t kSkipNone = -1;

// Checks shapes and types, and on the CPU the values. On a GPU reading them would make the host
// wait, so they are the data reader's duty.
void require_indices(const char* op, const Tensor& index, const Tensor& table) {
  require_one_device(op, {{"the table", table}, {"the index", index}});
  require(table.shape().rank() == 2, "[{}] the table is {}; (rows, hidden) is needed.", op,
          table.shape());
  require(index.shape().rank() == 1 && index.dtype() == DType::i64,
          "[{}] the index is {} of {}; a row of I64 is needed.", op, index.shape(),
          name_of(index.dtype()));
  if (index.device() != Device::cpu) return;
  const int64_t* values = index.data<int64_t>();
  const auto outside = std::find_if(values, values + index.numel(), [&](int64_t value) {
    return value < 0 || value >= table.size(0);
  });
  require(outside == values + index.numel(), "[{}] index {} is outside of the table's {} rows.", op,
          outside == values + index.numel() ? 0 : *outside, table.size(0));
}

// Records y_i = x[index_i], which is not computed; backward leaves out rows with the index `skip`.
Variable picked(const char* op, const Tensor& index, const Variable& x, int64_t skip) {
  require_indices(op, index, x.value());
  const Shape shape = x.shape();
  const int64_t n = index.numel(), hidden = shape[1];
  Tensor y = Tensor::empty({n, hidden}, kReal, x.device());
  return record(op, std::move(y), {x}, [=](const Tensor& dy, Gradients& gradients) {
    // A table is large and the rows are few, so they are added to the gradient that has arrived
    // instead of to a table of zeros.
    const Tensor pending = gradients.pending(0);
    const Tensor dx = pending.defined() ? pending : Tensor::empty(shape, kReal, dy.device());
    kernels::scatter_add_rows(dy.device(), {.index = index.data<int64_t>(),
                                            .dy = dy.data(),
                                            .dx = dx.data(),
                                            .n = n,
                                            .hidden = hidden,
                                            .skip = skip,
                                            .fresh_rows = pending.defined() ? 0 : shape[0]});
    if (!pending.defined()) gradients.add(0, dx);
  });
}

Variable gather(const char* op, const Tensor& index, const Variable& x, int64_t skip) {
  Variable y = picked(op, index, x, skip);
  kernels::gather_rows(x.device(), {.index = index.data<int64_t>(),
                                    .x = x.value().data(),
                                    .y = y.value().data(),
                                    .n = y.size(0),
                                    .hidden = y.size(1)});
  return y;
}

}  // namespace

Variable unread_rows(const TableRows& rows) {
  return picked("embedding", rows.ids, rows.table, rows.padding_idx);
}

Variable embedding(const Tensor& ids, const Variable& table, int64_t padding_idx) {
  return gather("embedding", ids, table, padding_idx);
}

Variable select_rows(const Variable& x, const Tensor& index) {
  return gather("select_rows", index, x, kSkipNone);
}

Variable slice_rows(const Variable& x, int64_t begin, int64_t end) {
  require(x.shape().rank() >= 1 && begin >= 0 && begin <= end && end <= x.size(0),
          "[slice_rows] rows {} to {} are not in x {}.", begin, end, x.shape());
  const Shape shape = x.shape();
  return record("slice_rows", x.value().slice(begin, end), {x},
                [=](const Tensor& dy, Gradients& gradients) {
                  const Tensor pending = gradients.pending(0);
                  if (pending.defined()) {
                    add_inplace(pending.slice(begin, end), dy);
                    return;
                  }
                  Tensor dx = Tensor::zeros(shape, kReal, dy.device());
                  dx.slice(begin, end).copy_from(dy);
                  gradients.add(0, std::move(dx));
                });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
