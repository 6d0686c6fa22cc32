// Storage: a block of bytes on one device, freed when its last Tensor goes.
#pragma once

#include <cstddef>
#include <memory>

#include "core/device.h"

namespace soragrad {

class Storage {
 public:
  // Uninitialised bytes from the caching allocator.
  Storage(Device device, size_t bytes);
  // Bytes of a file mapped for reading, whose owner is kept alive.
  Storage(Device device, void* data, size_t bytes, std::shared_ptr<const void> owner);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Device device() const { return device_; }
  size_t bytes() const { return bytes_; }
  std::byte* data() const { return data_; }
  // Gives a mapped file's pages back to the system, which reads them again where they are used
  // again. Other bytes stay.
  void drop_mapped_pages() const;

 private:
  Device device_;
  size_t bytes_;
  std::byte* data_;
  std::shared_ptr<const void> owner_;  // null: the allocator's
  bool borrowed_ = false;
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
