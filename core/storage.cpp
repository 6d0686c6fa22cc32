#include "core/storage.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "core/allocator.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/integer_math.h"

namespace soragrad {

Storage::Storage(Device device, size_t bytes)
    : device_(device), bytes_(bytes), data_(static_cast<std::byte*>(allocate(device, bytes))) {}

Storage::Storage(Device device, void* data, size_t bytes, std::shared_ptr<const void> owner)
    : device_(device),
      bytes_(bytes),
      data_(static_cast<std::byte*>(data)),
      owner_(std::move(owner)),
      borrowed_(true) {}

Storage::~Storage() {
  if (!borrowed_) deallocate(device_, data_, bytes_);
}

// Pages at the ends hold bytes of neighbours, too: those of the same mapping, which stay as they
// are.
void Storage::begin_write() {
  if (version_++ != 0 || !borrowed_ || bytes_ == 0) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t before = reinterpret_cast<uintptr_t>(data_) % page;  // bytes of the first page
  const size_t size = round_up(before + bytes_, page);
  const int result = ::mprotect(data_ - before, size, PROT_READ | PROT_WRITE);
  require(result == 0, "[storage] {} bytes of a mapped file cannot be made writable: {}.", bytes_,
          system_reason(errno));
}

void Storage::drop_mapped_pages() const {
  if (!borrowed_ || version_ != 0) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data_);
  const size_t skipped = round_up(address, page) - address;  // whole pages of these bytes alone
  if (skipped >= bytes_) return;
  ::madvise(data_ + skipped, (bytes_ - skipped) / page * page, MADV_DONTNEED);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
