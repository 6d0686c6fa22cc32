#include "core/kernels/sum_squares.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

struct Square {
  const real* x;
  __device__ double operator()(int64_t i) const {
    return static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
};

struct Store {
  double* y;
  __device__ void operator()(double sum) const { *y = sum; }
};

}  // namespace

void sum_squares_cuda(const SumSquaresArgs& args) {
  sum_all(Square{args.x}, args.n, Store{args.y});
}

}  // namespace soragrad::kernels
