#include "train/loop/mpi.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/communicator.h"
#include "core/console.h"
#include "core/cores.h"
#include "core/cuda_runtime.h"
#include "core/error.h"
#include "core/parallel.h"

#ifdef SORAGRAD_WITH_MPI
#define OMPI_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#include <mpi.h>
#include <sched.h>
#include <unistd.h>
#endif

namespace soragrad::train {

namespace {

int number_of(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : 0;
}

int processes_of_srun() {
  return number_of("SLURM_STEP_NUM_TASKS");
}

#ifdef SORAGRAD_WITH_MPI

// srun starts processes that cannot find each other unless it is told a protocol.
void require_reachable() {
  if (launched_processes() > 1 || processes_of_srun() <= 1 || std::getenv("PMIX_RANK")) return;
  leave_to_first();
  fail(
      "[mpi] srun has started {} processes that cannot reach each other; add --mpi=pmix (`srun "
      "--mpi=list` names what it has), or use mpirun, or one task.",
      processes_of_srun());
}

MPI_Datatype mpi_real() {
  return sizeof(real) == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE;
}

void check(int status, const char* call) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(status, text, &length);
  fail("[mpi] {}: {}.", call, std::string(text, static_cast<size_t>(length)));
}

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    check(MPI_Comm_dup(MPI_COMM_WORLD, &failures_), "MPI_Comm_dup");
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void exchange(const Tensor& unit, int units, const Tensor& received) override {
    const Layout shards = layout(unit.numel());
    const int own = shards.counts[static_cast<size_t>(rank_)];
    const bool sends = rank_ < units;
    Layout sent, arriving;
    for (int other = 0; other < size_; ++other) {
      const bool comes = other < units;
      sent.add(sends ? shards.counts[static_cast<size_t>(other)] : 0,
               shards.at[static_cast<size_t>(other)]);
      arriving.add(comes ? own : 0, comes ? other * own : 0);
    }
    check(
        MPI_Alltoallv(unit.data(), sent.counts.data(), sent.at.data(), mpi_real(), received.data(),
                      arriving.counts.data(), arriving.at.data(), mpi_real(), MPI_COMM_WORLD),
        "MPI_Alltoallv");
  }

  void gather(const Tensor& all) override {
    const Layout shards = layout(all.numel());
    check(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), shards.counts.data(),
                         shards.at.data(), mpi_real(), MPI_COMM_WORLD),
          "MPI_Allgatherv");
  }

  void broadcast(std::span<std::byte> bytes) override {
    in_parts(bytes, [](std::byte* data, int count) {
      check(MPI_Bcast(data, count, MPI_BYTE, 0, MPI_COMM_WORLD), "MPI_Bcast");
    });
  }

  void merge(std::span<std::byte> bytes) override {
    in_parts(bytes, [](std::byte* data, int count) {
      check(MPI_Allreduce(MPI_IN_PLACE, data, count, MPI_BYTE, MPI_BOR, MPI_COMM_WORLD),
            "MPI_Allreduce");
    });
  }

  int64_t max(int64_t value) override {
    check(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD),
          "MPI_Allreduce");
    return value;
  }

  void announce_failure() override {
    if (!is_first() || std::exchange(has_announced_, true)) return;
    for (int other = 1; other < size_; ++other) {
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Isend(&kFailure, 1, MPI_BYTE, other, 0, failures_, &request);
      MPI_Request_free(&request);
    }
  }

  bool first_has_failed() override {
    int arrived = 0;
    MPI_Iprobe(0, 0, failures_, &arrived, MPI_STATUS_IGNORE);
    return arrived != 0;
  }

 private:
  void end_all(int code) override { MPI_Abort(MPI_COMM_WORLD, code); }

  static constexpr std::byte kFailure{1};

  // Where each process's part of a vector lies, as MPI wants it.
  struct Layout {
    std::vector<int> counts, at;
    void add(int count, int begin) {
      counts.push_back(count);
      at.push_back(begin);
    }
  };

  Layout layout(int64_t n) const {
    require(n < std::numeric_limits<int>::max(),
            "[mpi] {} trainable parameters; fewer than 2^31 "
            "can be trained by several processes.",
            n);
    Layout shards;
    for (int other = 0; other < size_; ++other) {
      const ShardRange shard = shard_of(n, other, size_);
      shards.add(static_cast<int>(shard.size()), static_cast<int>(shard.begin));
    }
    return shards;
  }

  // Calls with at most 2^30 bytes: MPI counts in int.
  template <typename Call>
  static void in_parts(std::span<std::byte> bytes, Call call) {
    constexpr size_t kMost = size_t{1} << 30;
    for (size_t begin = 0; begin < bytes.size(); begin += kMost) {
      call(bytes.data() + begin, static_cast<int>(std::min(kMost, bytes.size() - begin)));
    }
  }

  int rank_ = 0, size_ = 1;
  MPI_Comm failures_ = MPI_COMM_NULL;  // carries announcements alone
  bool has_announced_ = false;
};

// Gives each process of this machine a GPU, and its part of the cores if several may use the same.
// Open MPI binds two processes to one core each unless it is told otherwise: a note counts the
// cores that are left unused so.
void share_machine() {
  MPI_Comm machine = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine),
        "MPI_Comm_split_type");
  int number = 0, processes = 1;
  MPI_Comm_rank(machine, &number);
  MPI_Comm_size(machine, &processes);
  cuda::choose_device(number);
  cpu_set_t mine;
  CPU_ZERO(&mine);
  sched_getaffinity(0, sizeof mine, &mine);
  std::vector<cpu_set_t> sets(static_cast<size_t>(processes));
  check(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, sets.data(), sizeof mine, MPI_BYTE, machine),
        "MPI_Allgather");
  MPI_Comm_free(&machine);
  int sharing = 0;
  cpu_set_t together = mine;
  for (cpu_set_t& set : sets) {
    sharing += CPU_EQUAL(&set, &mine) ? 1 : 0;
    CPU_OR(&together, &together, &set);
  }
  set_num_threads(available_cores(sharing));
  const auto cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  if (!std::getenv("OMPI_COMM_WORLD_SIZE") || std::getenv("SLURM_JOB_ID")) return;
  if (CPU_COUNT(&together) >= cores) return;
  log_line(
      fmt::format("note: mpirun has bound {} processes to {} of {} cores; --bind-to none lets "
                  "them share all.",
                  processes, CPU_COUNT(&together), cores));
}

#endif

}  // namespace

// Open MPI's mpirun, launchers that speak PMI (MPICH's mpiexec, srun --mpi=pmi2), srun --mpi=pmix.
int launched_processes() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (number_of(name) > 0) return number_of(name);
  }
  return std::getenv("PMIX_RANK") ? std::max(1, number_of("SLURM_STEP_NUM_TASKS")) : 1;
}

void leave_to_first() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
    if (number_of(name) <= 0) continue;
    set_log_muted(true);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return;
  }
}

#ifdef SORAGRAD_WITH_MPI

bool has_mpi() {
  return true;
}

void start_mpi() {
  require_reachable();
  if (launched_processes() == 1) return;
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  auto communicator = std::make_unique<MpiCommunicator>();
  if (communicator->size() == 1) return;
  set_log_muted(!communicator->is_first());
  set_world(std::move(communicator));
  share_machine();
}

void finish_mpi() {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (!initialized || finalized) return;
  set_world(std::make_unique<Communicator>());  // what GPUs are connected by goes before MPI
  MPI_Finalize();
}

#else

bool has_mpi() {
  return false;
}

void start_mpi() {
  const int processes = std::max(launched_processes(), processes_of_srun());
  if (processes == 1) return;
  leave_to_first();
  fail(
      "[mpi] {} processes were started together, but this build has no MPI; install "
      "libopenmpi-dev and build again, or start one process.",
      processes);
}

void finish_mpi() {}

#endif

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
