#include "core/kernels/gate.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

__global__ void gate_kernel(GateArgs args) {
  const int64_t i = global_thread();
  if (i >= args.rows * args.rank) return;
  args.h[i] = args.factor * (args.gate ? args.gate[i % args.rank] * args.u[i] : args.u[i]);
}

struct Product {
  const real* u;
  const real* dh;
  int64_t rank;
  __device__ double operator()(int64_t row, int64_t column) const {
    const int64_t i = row * rank + column;
    return static_cast<double>(u[i]) * static_cast<double>(dh[i]);
  }
};

}  // namespace

void gate_cuda(const GateArgs& args) {
  launch_elements(gate_kernel, args.rows * args.rank, args);
}

void gate_backward_cuda(const GateBackwardArgs& args) {
  if (args.dgate) {  // before dh is overwritten
    sum_columns(Product{args.u, args.dh, args.rank}, args.rows, args.rank, args.factor, args.dgate);
  }
  gate_cuda({args.dh, args.gate, args.dh, args.rows, args.rank, args.factor});
}

}  // namespace soragrad::kernels
