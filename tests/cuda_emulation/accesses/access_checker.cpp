// For every two bytes that a launch touches there is a cell: the last write and two reads since.
// Each access carries the place of its thread in time: how many block barriers, warp barriers and
// fences the thread had passed.
#include "tests/cuda_emulation/accesses/access_checker.h"

#include <sanitizer/common_interface_defs.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace soragrad::cuda_emulation {
namespace {

constexpr uintptr_t kGrain = 2;         // bytes of a cell; the smallest access of a kernel
constexpr uintptr_t kPageBytes = 1024;  // cells come in pages
constexpr unsigned kWarpSize = 32;
constexpr uintptr_t kSector = 32, kBankBytes = 4, kBanks = 32;

struct Access {
  const void* code = nullptr;  // the address after the call; null: no access
  uint32_t launch = 0, block = 0, thread = 0;
  uint32_t block_barriers = 0, warp_barriers = 0, fences = 0;
};

struct Cell {
  Access write, read[2];
};
using Page = std::vector<Cell>;

// The accesses of a warp's lanes by the same instruction, each for the same time.
struct Request {
  std::vector<uintptr_t> addresses;
  size_t bytes = 0;
  bool shared = false;
};

std::string line_of(const void* code) {
  char text[512] = "";
  __sanitizer_symbolize_pc(const_cast<char*>(static_cast<const char*>(code)) - 1, "%s:%l", text,
                           sizeof(text));
  const std::string line = text;
  const size_t slash = line.rfind('/');
  return slash == std::string::npos ? line : line.substr(slash + 1);
}

bool is_index_of_thread(const void* address) {
  const auto* at = static_cast<const dim3*>(address);
  for (const dim3* index : {&threadIdx, &blockIdx, &blockDim, &gridDim}) {
    if (at >= index && at < index + 1) return true;
  }
  return false;
}

AccessChecker* watching = nullptr;

}  // namespace

struct AccessChecker::State {
  Watch watch = Watch::races;
  AccessChecker* outer = nullptr;
  bool in_block = false;
  uint32_t launch = 0, block = 0;
  std::vector<Access> clocks;  // of each thread of the block: its barriers
  std::unordered_map<uintptr_t, Page> pages;
  std::vector<Page> spare;
  uintptr_t last_number = 0;  // of the page found last
  Page* last_page = nullptr;
  uintptr_t last_device = 0;                      // a page of device memory
  std::vector<std::pair<void*, size_t>> written;  // by the block, in shared memory
  std::map<unsigned, Access> fences;  // of the block: by thread, the end of what its last covers
  std::vector<std::pair<const void*, unsigned>> counted;  // counter and thread; no fence since
  std::vector<std::pair<const void*, Access>> acquired;   // counter, and the first fence after
  std::map<std::pair<const void*, uint32_t>, Access> released;  // by counter and block: its fence
  std::set<std::pair<const void*, const void*>> races;
  std::set<const void*> host_accesses;

  std::map<std::tuple<unsigned, const void*, int>, Request> requests;  // warp, code, time
  std::map<std::pair<unsigned, const void*>, int> times;               // thread, code
  std::map<std::pair<const void*, bool>, Traffic> traffic;             // code, shared

  Cell& cell(uintptr_t grain) {
    const uintptr_t number = grain / (kPageBytes / kGrain);
    if (!last_page || number != last_number) {
      Page& page = pages[number];
      if (page.empty() && !spare.empty()) {
        page = std::move(spare.back());
        spare.pop_back();
      }
      page.resize(kPageBytes / kGrain);
      last_number = number;
      last_page = &page;
    }
    return (*last_page)[grain % (kPageBytes / kGrain)];
  }

  // Whether `before` is over when `now` begins.
  bool ordered(const Access& before, const Access& now, bool shared) const {
    if (!before.code || before.launch != now.launch) return true;
    if (before.block == now.block) return ordered_in_block(before, now);
    return shared || ordered_by_counter(before, now);  // shared: its own memory
  }
  static bool ordered_in_block(const Access& before, const Access& now) {
    if (before.thread == now.thread) return now.fences >= before.fences;
    return now.block_barriers > before.block_barriers ||
           (before.thread / kWarpSize == now.thread / kWarpSize &&
            now.warp_barriers > before.warp_barriers);
  }
  // The block of `before` has ended, so it counted earlier.
  bool ordered_by_counter(const Access& before, const Access& now) const {
    for (const auto& [counter, fence] : acquired) {
      const auto other = released.find({counter, before.block});
      if (other != released.end() && ordered_in_block(before, other->second) &&
          ordered_in_block(fence, now)) {
        return true;
      }
    }
    return false;
  }

  void check(const Access& now, uintptr_t address, size_t bytes, bool writes, bool shared) {
    for (uintptr_t grain = address / kGrain; grain <= (address + bytes - 1) / kGrain; ++grain) {
      Cell& at = cell(grain);
      const auto compare = [&](const Access& before) {
        if (!ordered(before, now, shared)) races.insert(std::minmax(before.code, now.code));
      };
      compare(at.write);
      if (writes) {
        compare(at.read[0]);
        compare(at.read[1]);
        at = {now, {}};
      } else {
        keep(at, now);
      }
    }
  }

  // Keeps two reads: the newest, and one of another block, else of another warp, else of another
  // thread. A later write that races with any read races with one of these, unless a counter orders
  // it after some blocks' reads and not after others'.
  static void keep(Cell& at, const Access& now) {
    const auto distance = [&](const Access& read) {
      return !read.code || read.launch != now.launch             ? 0
             : read.block != now.block                           ? 3
             : read.thread / kWarpSize != now.thread / kWarpSize ? 2
             : read.thread != now.thread                         ? 1
                                                                 : 0;
    };
    if (distance(at.read[0]) >= distance(at.read[1])) at.read[1] = at.read[0];
    at.read[0] = now;
  }

  void count(unsigned thread, uintptr_t address, size_t bytes, bool shared, const void* code) {
    const int time = times[{thread, code}]++;
    Request& request = requests[{thread / kWarpSize, code, time}];
    request.addresses.push_back(address);
    request.bytes = bytes;
    request.shared = shared;
  }

  void add_up_requests() {
    for (const auto& [key, request] : requests) {
      std::set<uintptr_t> units;
      const uintptr_t unit = request.shared ? kBankBytes : kSector;
      for (const uintptr_t address : request.addresses) {
        for (uintptr_t n = address / unit; n <= (address + request.bytes - 1) / unit; ++n) {
          units.insert(n);
        }
      }
      std::map<uintptr_t, int64_t> by_bank;
      int64_t cycles = 0;
      for (const uintptr_t word : units) cycles = std::max(cycles, ++by_bank[word % kBanks]);
      Traffic& line = traffic[{std::get<1>(key), request.shared}];
      const auto ceil = [](size_t a, size_t b) { return static_cast<int64_t>((a + b - 1) / b); };
      ++line.requests;
      line.shared = request.shared;
      line.units += request.shared ? cycles : static_cast<int64_t>(units.size());
      std::set<uintptr_t> distinct(request.addresses.begin(), request.addresses.end());
      line.least += request.shared ? ceil(units.size(), kBanks)
                                   : ceil(distinct.size() * request.bytes, kSector);
    }
    requests.clear();
    times.clear();
  }
};

AccessChecker::AccessChecker(Watch watch) : state_(std::make_unique<State>()) {
  state_->watch = watch;
  state_->outer = watching;
  set_observer(this);
  watching = this;
}
AccessChecker::~AccessChecker() {
  run_all();
  watching = state_->outer;
  set_observer(watching);
}

void AccessChecker::launch_begins() {
  State& s = *state_;
  ++s.launch;
  for (auto& [number, page] : s.pages) s.spare.push_back(std::move(page));
  s.pages.clear();
  s.last_page = nullptr;
  s.last_device = 0;
  s.released.clear();
}
void AccessChecker::block_begins(uint64_t number) {
  state_->in_block = true;
  state_->block = static_cast<uint32_t>(number);
  state_->clocks.assign(size_t{blockDim.x} * blockDim.y * blockDim.z, Access());
  state_->fences.clear();
  state_->counted.clear();
  state_->acquired.clear();
}
// What a block wrote to shared memory is lost with it: the next one finds NaNs.
void AccessChecker::block_ends() {
  state_->in_block = false;
  state_->add_up_requests();
  for (const auto& [address, bytes] : state_->written) std::memset(address, 0xff, bytes);
  state_->written.clear();
}
void AccessChecker::passed_block_barrier() {
  ++state_->clocks[running_thread()].block_barriers;
}
void AccessChecker::passed_warp_barrier() {
  ++state_->clocks[running_thread()].warp_barriers;
}
void AccessChecker::passed_fence() {
  State& s = *state_;
  const unsigned thread = running_thread();
  Access now = s.clocks[thread];
  now.thread = thread;
  s.fences[thread] = now;
  now.fences = ++s.clocks[thread].fences;
  std::erase_if(s.counted, [&](const auto& count) {
    if (count.second == thread) s.acquired.emplace_back(count.first, now);
    return count.second == thread;
  });
}
void AccessChecker::counts(const void* counter) {
  State& s = *state_;
  const unsigned thread = running_thread();
  const auto fence = s.fences.find(thread);
  if (fence != s.fences.end()) s.released[{counter, s.block}] = fence->second;
  s.counted.emplace_back(counter, thread);
}

void AccessChecker::copies(void* to, const void* from, size_t bytes, const void* code) {
  access(from, bytes, false, code);
  access(to, bytes, true, code);
}

void AccessChecker::access(const void* address, size_t bytes, bool writes, const void* code) {
  State& s = *state_;
  if (!s.in_block || in_stack_of_running_thread(address) || is_index_of_thread(address)) return;
  const auto place = reinterpret_cast<uintptr_t>(address);
  const bool shared = in_shared_memory(address);
  if (shared && writes) s.written.emplace_back(const_cast<void*>(address), bytes);
  if (!shared && place / kPageBytes != s.last_device) {
    if (!in_device_memory(address, bytes)) {
      s.host_accesses.insert(code);
      return;
    }
    if (in_device_memory(reinterpret_cast<void*>(place / kPageBytes * kPageBytes), kPageBytes)) {
      s.last_device = place / kPageBytes;
    }
  }
  const unsigned thread = running_thread();
  if (s.watch == Watch::traffic) return s.count(thread, place, bytes, shared, code);
  Access now = s.clocks[thread];
  now.code = code;
  now.launch = s.launch;
  now.block = s.block;
  now.thread = thread;
  s.check(now, place, bytes, writes, shared);
}

std::vector<std::string> AccessChecker::races() const {
  run_all();
  std::set<std::string> lines;
  for (const auto& [a, b] : state_->races) {
    const auto [first, second] = std::minmax({line_of(a), line_of(b)});
    lines.insert(first + ", " + second);
  }
  return {lines.begin(), lines.end()};
}

std::vector<std::string> AccessChecker::host_accesses() const {
  run_all();
  std::set<std::string> lines;
  for (const void* code : state_->host_accesses) {
    const std::string line = line_of(code);
    const bool of_emulation =  // it reads a launch's arguments, and what lanes exchange
        line.starts_with("cuda_emulation.h:") || line.starts_with("std_function.h:");
    if (!of_emulation) lines.insert(line);
  }
  return {lines.begin(), lines.end()};
}

std::vector<Traffic> AccessChecker::traffic() const {
  run_all();
  std::map<std::pair<std::string, bool>, Traffic> lines;
  for (const auto& [key, of_code] : state_->traffic) {
    Traffic& sum = lines[{line_of(key.first), key.second}];
    sum.line = line_of(key.first);
    sum.shared = key.second;
    sum.requests += of_code.requests;
    sum.units += of_code.units;
    sum.least += of_code.least;
  }
  std::vector<Traffic> result;
  for (auto& [key, sum] : lines) result.push_back(std::move(sum));
  return result;
}

}  // namespace soragrad::cuda_emulation

// -- What the compiler calls ----------------------------------------------------------------------
namespace {

void note(const void* address, size_t bytes, bool writes, const void* code) {
  using soragrad::cuda_emulation::watching;
  if (watching) watching->access(address, bytes, writes, code);
}

}  // namespace

extern "C" {
#define SORAGRAD_ACCESSES(bytes)                              \
  void __tsan_read##bytes(void* address) {                    \
    note(address, bytes, false, __builtin_return_address(0)); \
  }                                                           \
  void __tsan_write##bytes(void* address) {                   \
    note(address, bytes, true, __builtin_return_address(0));  \
  }                                                           \
  void __tsan_unaligned_read##bytes(void* address) {          \
    note(address, bytes, false, __builtin_return_address(0)); \
  }                                                           \
  void __tsan_unaligned_write##bytes(void* address) {         \
    note(address, bytes, true, __builtin_return_address(0));  \
  }
SORAGRAD_ACCESSES(1)
SORAGRAD_ACCESSES(2)
SORAGRAD_ACCESSES(4)
SORAGRAD_ACCESSES(8)
SORAGRAD_ACCESSES(16)
#undef SORAGRAD_ACCESSES
void __tsan_read_range(void* address, unsigned long bytes) {
  note(address, bytes, false, __builtin_return_address(0));
}
void __tsan_write_range(void* address, unsigned long bytes) {
  note(address, bytes, true, __builtin_return_address(0));
}
void __tsan_init() {}
void __tsan_func_entry(void* /*caller*/) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void** /*object*/, void* /*value*/) {}
void __tsan_vptr_read(void** /*object*/) {}
// Guards of static variables of host code; one thread runs.
char __tsan_atomic8_load(const char* value, int /*order*/) {
  return *value;
}
int __tsan_atomic32_fetch_add(int* value, int added, int /*order*/) {
  const int before = *value;
  *value += added;
  return before;
}
}

// SPDX-License-Identifier: Apache-2.0
