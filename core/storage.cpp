#include "core/storage.h"

#include <utility>

#include "core/allocator.h"

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

}  // namespace soragrad
