// The gate between the two factors of a low-rank delta: h = factor * u * gate, column by column,
// and its gradients; without a gate only the factor.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct GateArgs {
  const real* u;     // (rows, rank)
  const real* gate;  // (rank) or null
  real* h;           // (rows, rank)
  int64_t rows, rank;
  real factor;
};
inline Cost cost(const GateArgs& args) {
  return traffic(2 * args.rows * args.rank);
}
SORAGRAD_KERNEL(gate, GateArgs);

struct GateBackwardArgs {
  const real* u;     // (rows, rank); read for dgate
  const real* gate;  // (rank) or null
  real* dh;          // (rows, rank) in: dh, out: du = factor * gate * dh
  real* dgate;       // (rank) or null: factor * sum over rows of u * dh
  int64_t rows, rank;
  real factor;
};
inline Cost cost(const GateBackwardArgs& args) {
  return traffic(3 * args.rows * args.rank);
}
SORAGRAD_KERNEL(gate_backward, GateBackwardArgs);

}  // namespace soragrad::kernels
