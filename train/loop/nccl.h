// Gradients from GPU to GPU by NCCL, for the processes that MPI has joined (train/loop/mpi.h).
#pragma once

#include "core/device.h"

namespace soragrad::train {

// Whether this build has NCCL.
bool has_nccl();

// Gives world() a way to exchange gradients in the GPUs' memory, if this build has NCCL and every
// process computes on a GPU of its own; otherwise they go on through host memory, and a note tells
// that processes share a GPU. Everything else stays with MPI. `device`: that of this process.
// Collective; to be called before the first step.
void connect_gpus(Device device);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
