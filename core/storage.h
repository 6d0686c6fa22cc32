// Storage: a block of bytes on one device. Tensors share it; it is freed with the last of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/device.h"

namespace soragrad {

class Storage {
 public:
  // Uninitialised bytes from the caching allocator (core/allocator.h). Throws if there is no room.
  Storage(Device device, size_t bytes);
  // Borrows bytes of a file that is mapped for reading; keeps the mapping's owner alive.
  Storage(Device device, void* data, size_t bytes, std::shared_ptr<const void> owner);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Device device() const { return device_; }
  size_t bytes() const { return bytes_; }
  std::byte* data() const { return data_; }
  // Call it before the bytes are written by other means than an op or an optimizer. Bytes of a
  // mapped file become writable, in this process alone: the file stays as it is. version() changes,
  // so that packed copies are made anew.
  void begin_write();
  uint64_t version() const { return version_; }
  // Returns the pages of a mapped file to the system, which reads them again if they are used
  // again: a weight that was packed is not kept twice. Does nothing for other bytes, and after
  // begin_write().
  void drop_mapped_pages() const;

 private:
  Device device_;
  size_t bytes_;
  std::byte* data_;
  std::shared_ptr<const void> owner_;  // null: the bytes are the allocator's
  bool borrowed_ = false;
  std::atomic<uint64_t> version_ = 0;
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
