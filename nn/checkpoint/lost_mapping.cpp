#include "nn/checkpoint/lost_mapping.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

namespace soragrad::nn {

namespace {

// What the signal handler reads: no memory of the heap, no locks.
struct Slot {
  std::atomic<bool> is_taken = false;
  std::atomic<uintptr_t> begin = 0;  // 0: not to be read
  std::atomic<size_t> size = 0;
  std::array<char, 400> name = {};
};

std::array<Slot, 256> slots;
struct sigaction before;

void write_line(const Slot& slot) {
  constexpr std::string_view kBegin = "soragrad: [";
  constexpr std::string_view kEnd =
      "] became shorter while it was read; put the file back and start again.\n";
  std::array<char, kBegin.size() + std::tuple_size_v<decltype(slot.name)> + kEnd.size()> line;
  char* end = std::copy(kBegin.begin(), kBegin.end(), line.data());
  end = std::copy_n(slot.name.data(), ::strnlen(slot.name.data(), slot.name.size()), end);
  end = std::copy(kEnd.begin(), kEnd.end(), end);
  [[maybe_unused]] const auto written =
      ::write(STDERR_FILENO, line.data(), static_cast<size_t>(end - line.data()));
}

void on_sigbus(int signal, siginfo_t* info, void* /*context*/) {
  const bool is_access = info->si_code == BUS_ADRERR;  // of an address that has no memory
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (!is_access || begin == 0 || address < begin || address - begin >= slot.size) continue;
    write_line(slot);
    ::_exit(1);
  }
  ::sigaction(signal, &before, nullptr);  // a read is repeated, and meets what was there before
}

}  // namespace

void explain_lost_mappings() {
  struct sigaction action {};
  action.sa_sigaction = on_sigbus;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &before);
}

NamedMapping::NamedMapping(std::span<const std::byte> bytes, std::string_view name) {
  for (size_t i = 0; i < slots.size() && slot_ < 0; ++i) {
    if (!slots[i].is_taken.exchange(true)) slot_ = static_cast<int>(i);
  }
  if (slot_ < 0) return;
  Slot& slot = slots[static_cast<size_t>(slot_)];
  slot.name = {};
  std::copy_n(name.begin(), std::min(name.size(), slot.name.size()), slot.name.begin());
  slot.size = bytes.size();
  slot.begin.store(reinterpret_cast<uintptr_t>(bytes.data()), std::memory_order_release);
}

NamedMapping::~NamedMapping() {
  if (slot_ < 0) return;
  Slot& slot = slots[static_cast<size_t>(slot_)];
  slot.begin = 0;
  slot.is_taken = false;
}

NamedMapping::NamedMapping(NamedMapping&& other) noexcept : slot_(std::exchange(other.slot_, -1)) {}

NamedMapping& NamedMapping::operator=(NamedMapping&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
