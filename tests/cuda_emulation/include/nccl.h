// The calls of NCCL that train/loop/nccl.cpp makes, by messages of MPI between processes that have
// an emulated GPU each.
#pragma once

#include <cstddef>

#include "tests/cuda_emulation/include/cuda_runtime.h"

enum ncclResult_t { ncclSuccess, ncclInvalidArgument, ncclInvalidUsage };
enum ncclDataType_t { ncclFloat32, ncclFloat64 };
struct ncclUniqueId {
  char internal[128];
};
using ncclComm_t = struct EmulatedNccl*;

const char* ncclGetErrorString(ncclResult_t status);
// A new one at each call.
ncclResult_t ncclGetUniqueId(ncclUniqueId* id);
// Processes find each other by the id; an error if they are other or others than told.
ncclResult_t ncclCommInitRank(ncclComm_t* communicator, int size, ncclUniqueId id, int rank);
ncclResult_t ncclCommDestroy(ncclComm_t communicator);

// Sends and receives belong into a group, whose end gives them to the stream as one operation. It
// has run when ncclGroupEnd() returns, as nothing would run it while the host waits for another
// process. Addresses that are not the device's are refused.
ncclResult_t ncclGroupStart();
ncclResult_t ncclGroupEnd();
ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int to,
                      ncclComm_t communicator, cudaStream_t stream);
ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int from,
                      ncclComm_t communicator, cudaStream_t stream);

// SPDX-License-Identifier: Apache-2.0
