// Watches every access of the emulated kernels to memory: finds races, and counts what accesses
// cost.
//
// A race is a pair of accesses of two threads to the same bytes, at least one of them a write, that
// nothing orders. Within a block __syncthreads orders them, within a warp __syncwarp too. Shuffles
// and products on tensor cores order nothing, as the CUDA programming guide says. Of two blocks of
// a launch, what one did before a __threadfence and an atomic count comes before what the other
// does after counting at the same place and a __threadfence; nothing else orders blocks. It does
// not matter in which order the emulation ran them. Accesses to the counters themselves are not
// watched.
//
// The compiler makes the calls: with -fsanitize=thread it calls __tsan_read4 and the like at every
// access, which access_checker.cpp defines in place of the sanitizer's library. GCC leaves out
// variables whose address nothing takes, so kernels use their __shared__ arrays by a reference.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_emulation/cuda_emulation.h"

namespace soragrad::cuda_emulation {

// What the accesses of one line cost. A request is an access of all lanes of a warp together.
// Global memory is read and written in sectors of 32 bytes; shared memory in words of 32 banks, and
// words of one bank take a cycle each.
struct Traffic {
  std::string line;  // "low_rank.cu:59"
  bool shared = false;
  int64_t requests = 0;
  int64_t units = 0;  // sectors, or cycles of the banks
  int64_t least = 0;  // the fewest that the same bytes could take
};

enum class Watch { races, traffic };

// Watches from its construction to its end, in place of one that lives already.
class AccessChecker final : public Observer {
 public:
  explicit AccessChecker(Watch watch);
  ~AccessChecker() override;
  AccessChecker(const AccessChecker&) = delete;
  AccessChecker& operator=(const AccessChecker&) = delete;

  // Each pair of lines that race, as "a.cu:12, a.cu:40".
  std::vector<std::string> races() const;
  // Each line that read or wrote memory of the host, which a GPU cannot reach.
  std::vector<std::string> host_accesses() const;
  std::vector<Traffic> traffic() const;  // by line

  void launch_begins() override;
  void block_begins(uint64_t number) override;
  void block_ends() override;
  void passed_block_barrier() override;
  void passed_warp_barrier() override;
  void passed_fence() override;
  void counts(const void* counter) override;
  void copies(void* to, const void* from, size_t bytes, const void* code) override;

  void access(const void* address, size_t bytes, bool writes, const void* code);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace soragrad::cuda_emulation

// SPDX-License-Identifier: Apache-2.0
