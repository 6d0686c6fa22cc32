// Rank is small (4 to 64): a few thousand elements a batch, not worth waking other threads.
#include "core/kernels/gate.h"

namespace soragrad::kernels {

void gate_cpu(const GateArgs& args) {
  for (int64_t row = 0; row < args.rows; ++row) {
    for (int64_t k = 0; k < args.rank; ++k) {
      const int64_t i = row * args.rank + k;
      args.h[i] = args.factor * (args.gate ? args.gate[k] * args.u[i] : args.u[i]);
    }
  }
}

void gate_backward_cpu(const GateBackwardArgs& args) {
  for (int64_t k = 0; args.dgate && k < args.rank; ++k) {
    double sum = 0;
    for (int64_t row = 0; row < args.rows; ++row) {
      sum += static_cast<double>(args.u[row * args.rank + k]) * args.dh[row * args.rank + k];
    }
    args.dgate[k] = static_cast<real>(args.factor * sum);
  }
  gate_cpu({args.dh, args.gate, args.dh, args.rows, args.rank, args.factor});
}

}  // namespace soragrad::kernels
