#include "core/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/cuda_runtime.h"

namespace soragrad {
namespace {

size_t bytes_of(const Shape& shape, DType dtype) {
  size_t bytes = 0;
  require(!__builtin_mul_overflow(static_cast<size_t>(shape.numel()), size_of(dtype), &bytes),
          "[tensor] the bytes of {} of {} overflow 64 bits; use a smaller shape.", shape,
          name_of(dtype));
  return bytes;
}

}  // namespace

Tensor::Tensor(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype)
    : storage_(std::move(storage)), offset_(offset), shape_(shape), dtype_(dtype) {
  require(storage_ != nullptr, "[tensor] there is no storage.");
  const size_t needed = bytes_of(shape, dtype);
  require(offset <= storage_->bytes() && needed <= storage_->bytes() - offset,
          "[tensor] {} of {} needs {} bytes from {}; the storage has {}.", shape, name_of(dtype),
          needed, offset, storage_->bytes());
  require(offset % size_of(dtype) == 0,
          "[tensor] {} begin at byte {} of the storage; it must be a multiple of {}.",
          name_of(dtype), offset, size_of(dtype));
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  return Tensor(std::make_shared<Storage>(device, bytes_of(shape, dtype)), 0, shape, dtype);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor result = empty(shape, dtype, device);
  result.fill_zero();
  return result;
}

// Filled on the host and copied: there is no kernel for it, and it is never a part of a step.
Tensor Tensor::full(const Shape& shape, real value, Device device) {
  Tensor host = empty(shape);
  std::fill_n(host.data(), host.numel(), value);
  return host.to(device);
}

Tensor Tensor::empty_like(const Tensor& other) {
  return empty(other.shape(), other.dtype(), other.device());
}

Tensor Tensor::view(const Shape& shape) const {
  require(shape.numel() == numel(), "[view] {} has {} elements, {} has {}.", shape_, numel(), shape,
          shape.numel());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

// Rows of a dense tensor are one piece of memory, so a slice is a view with another offset.
Tensor Tensor::slice(int64_t begin, int64_t end) const {
  require(shape_.rank() > 0 && begin >= 0 && begin <= end && end <= shape_[0],
          "[slice] rows {} to {} are not in {}.", begin, end, shape_);
  std::vector<int64_t> sizes(shape_.sizes().begin(), shape_.sizes().end());
  const int64_t row = sizes[0] == 0 ? 0 : numel() / sizes[0];
  sizes[0] = end - begin;
  Tensor result = *this;
  result.shape_ = Shape(sizes);
  result.offset_ += static_cast<size_t>(begin * row) * size_of(dtype_);
  return result;
}

Tensor Tensor::clone() const {
  Tensor result = empty_like(*this);
  result.copy_from(*this);
  return result;
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  Tensor result = empty(shape_, dtype_, device);
  result.copy_from(*this);
  return result;
}

// A tensor is a handle: the elements change, not the handle, so this is const. Copies to and from a
// GPU are ordered after the work queued there.
void Tensor::copy_from(const Tensor& other) const {
  require(other.dtype() == dtype_ && other.numel() == numel(),
          "[copy] {} of {} does not fit {} of {}.", other.shape(), name_of(other.dtype()), shape_,
          name_of(dtype_));
  const bool from_host = other.device() == Device::cpu, to_host = device() == Device::cpu;
  if (bytes() == 0) return;
  storage_->begin_write();
  if (from_host && to_host) {
    std::memmove(raw(), other.raw(), bytes());
  } else if (from_host) {
    cuda::copy_to_device(raw(), other.raw(), bytes());
  } else if (to_host) {
    cuda::copy_to_host(raw(), other.raw(), bytes());
  } else {
    cuda::copy_on_device(raw(), other.raw(), bytes());
  }
}

void Tensor::fill_zero() const {
  const bool on_host = device() == Device::cpu;
  if (bytes() == 0) return;
  storage_->begin_write();
  on_host ? static_cast<void>(std::memset(raw(), 0, bytes())) : cuda::fill_zero(raw(), bytes());
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
