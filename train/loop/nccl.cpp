// NCCL moves bytes and never adds: the order of its sums would be the network's. Sends and receives
// of a group run on the stream of all kernels, so what is queued before has written the gradient,
// and what is queued after sees what has arrived. They stay outside of captured graphs
// (train/loop/train_step.h): which of them a step has depends on the round, and processes capture
// in different steps.
#include "train/loop/nccl.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/communicator.h"
#include "core/console.h"
#include "core/cuda_runtime.h"
#include "core/error.h"
#include "core/host_name.h"

#ifdef SORAGRAD_WITH_NCCL
#include <nccl.h>

#include "core/cuda_stream.cuh"
#endif

namespace soragrad::train {

#ifdef SORAGRAD_WITH_NCCL

namespace {

void check(ncclResult_t status, const char* call) {
  require(status == ncclSuccess, "[nccl] {} failed: {}; NCCL_DEBUG=WARN tells more.", call,
          ncclGetErrorString(status));
}

// Vectors go through NCCL, everything else through the communicator that it is made of.
class NcclCommunicator : public Communicator {
 public:
  explicit NcclCommunicator(std::unique_ptr<Communicator> host) : host_(std::move(host)) {
    ncclUniqueId id{};
    if (host_->is_first()) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
    host_->broadcast(std::as_writable_bytes(std::span(&id, 1)));
    check(ncclCommInitRank(&gpus_, size(), id, rank()), "ncclCommInitRank");
  }
  ~NcclCommunicator() override { static_cast<void>(ncclCommDestroy(gpus_)); }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  int rank() const override { return host_->rank(); }
  int size() const override { return host_->size(); }
  Device device() const override { return Device::cuda; }

  void exchange(const Tensor& unit, int units, const Tensor& received) override {
    const int64_t own = shard_of(unit.numel(), rank(), size()).size();
    check(ncclGroupStart(), "ncclGroupStart");
    for (int other = 0; other < size(); ++other) {
      if (rank() < units) send(unit, shard_of(unit.numel(), other, size()), other);
      if (other < units) receive(received, {other * own, (other + 1) * own}, other);
    }
    end_group();
  }

  void gather(const Tensor& all) override {
    const ShardRange own = shard_of(all.numel(), rank(), size());
    check(ncclGroupStart(), "ncclGroupStart");
    for (int other = 0; other < size(); ++other) {
      if (other == rank()) continue;
      send(all, own, other);
      receive(all, shard_of(all.numel(), other, size()), other);
    }
    end_group();
  }

  void broadcast(std::span<std::byte> bytes) override { host_->broadcast(bytes); }
  void merge(std::span<std::byte> bytes) override { host_->merge(bytes); }
  int64_t max(int64_t value) override { return host_->max(value); }
  void announce_failure() override { host_->announce_failure(); }
  bool first_has_failed() override { return host_->first_has_failed(); }

 private:
  static constexpr ncclDataType_t kType = sizeof(real) == sizeof(float) ? ncclFloat32 : ncclFloat64;

  void send(const Tensor& tensor, ShardRange part, int to) {
    if (part.size() == 0) return;
    check(ncclSend(tensor.data() + part.begin, static_cast<size_t>(part.size()), kType, to, gpus_,
                   cuda::stream()),
          "ncclSend");
  }

  void receive(const Tensor& tensor, ShardRange part, int from) {
    if (part.size() == 0) return;
    check(ncclRecv(tensor.data() + part.begin, static_cast<size_t>(part.size()), kType, from, gpus_,
                   cuda::stream()),
          "ncclRecv");
  }

  static void end_group() {
    check(ncclGroupEnd(), "ncclGroupEnd");
    cuda::count_operation();
  }

  void end_all(int code) override { host_->abort(code); }

  std::unique_ptr<Communicator> host_;
  ncclComm_t gpus_ = nullptr;
};

// Whether each process has a GPU, and no two the same. NCCL refuses a GPU that two processes share.
bool have_own_gpus(Device device) {
  const std::string own = device == Device::cuda ? host_name() + " " + cuda::device_address() : "";
  std::vector<std::string> gpus = world().gather_texts(own);
  std::ranges::sort(gpus);
  if (gpus.front().empty()) return false;  // on CPUs
  const bool are_own = std::ranges::adjacent_find(gpus) == gpus.end();
  if (!are_own) {
    log_line("note: processes share a GPU, so gradients go through host memory and MPI.");
  }
  return are_own;
}

}  // namespace

bool has_nccl() {
  return true;
}

void connect_gpus(Device device) {
  if (world().size() == 1 || !have_own_gpus(device)) return;
  set_world(std::make_unique<NcclCommunicator>(set_world(nullptr)));
}

#else

bool has_nccl() {
  return false;
}

void connect_gpus(Device /*device*/) {}

#endif

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
