// include/nccl.h.
#define OMPI_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#include "tests/cuda_emulation/include/nccl.h"

#include <mpi.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

struct EmulatedNccl {
  MPI_Comm processes = MPI_COMM_NULL;
};

namespace {

using namespace soragrad::cuda_emulation;

struct Message {
  void* data = nullptr;
  int count = 0;
  MPI_Datatype type = MPI_DATATYPE_NULL;
  int other = 0;
  MPI_Comm processes = MPI_COMM_NULL;
  bool is_sent = false;
};

struct Group {
  bool is_open = false;
  std::vector<Message> messages;
};
Group group;

// The operation of a group. Messages between two processes arrive in the order of the calls.
void exchange_messages(const std::vector<Message>& messages) {
  std::vector<MPI_Request> requests;
  for (const Message& m : messages) {
    MPI_Request& request = requests.emplace_back(MPI_REQUEST_NULL);
    if (m.is_sent) {
      MPI_Isend(m.data, m.count, m.type, m.other, 0, m.processes, &request);
    } else {
      MPI_Irecv(m.data, m.count, m.type, m.other, 0, m.processes, &request);
    }
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

ncclResult_t add(void* data, size_t count, ncclDataType_t type, int other,
                 const EmulatedNccl& communicator, bool is_sent) {
  if (!group.is_open) return ncclInvalidUsage;
  const bool is_float = type == ncclFloat32;
  const size_t bytes = count * (is_float ? sizeof(float) : sizeof(double));
  if (!in_device_memory(data, bytes)) return ncclInvalidArgument;
  group.messages.push_back({data, static_cast<int>(count), is_float ? MPI_FLOAT : MPI_DOUBLE, other,
                            communicator.processes, is_sent});
  return ncclSuccess;
}

}  // namespace

const char* ncclGetErrorString(ncclResult_t status) {
  return status == ncclSuccess           ? "no error"
         : status == ncclInvalidArgument ? "invalid argument"
                                         : "invalid usage";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::random_device random;
  for (char& byte : id->internal) byte = static_cast<char>(random());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* communicator, int size, ncclUniqueId id, int rank) {
  uint32_t color = 0;
  std::memcpy(&color, id.internal, sizeof color);
  auto created = new EmulatedNccl;
  MPI_Comm_split(MPI_COMM_WORLD, static_cast<int>(color >> 1), rank, &created->processes);
  int own_rank = 0, own_size = 0;
  MPI_Comm_rank(created->processes, &own_rank);
  MPI_Comm_size(created->processes, &own_size);
  *communicator = created;
  return own_rank == rank && own_size == size ? ncclSuccess : ncclInvalidArgument;
}

ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
  MPI_Comm_free(&communicator->processes);
  delete communicator;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  if (std::exchange(group.is_open, true)) return ncclInvalidUsage;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (!std::exchange(group.is_open, false)) return ncclInvalidUsage;
  enqueue([messages = std::exchange(group.messages, {})] { exchange_messages(messages); });
  run_all();
  return ncclSuccess;
}

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int to,
                      ncclComm_t communicator, cudaStream_t) {
  return add(const_cast<void*>(data), count, type, to, *communicator, true);
}

ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int from,
                      ncclComm_t communicator, cudaStream_t) {
  return add(data, count, type, from, *communicator, false);
}

// SPDX-License-Identifier: Apache-2.0
