// Tensor: a handle to shared storage + offset + shape + dtype; always dense and row-major.
// Copies of a Tensor share elements; clone() copies them. A Tensor prints with fmt and with <<.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/storage.h"

namespace soragrad {

class Tensor {
 public:
  Tensor() = default;  // undefined: no storage
  // Wraps storage from a byte offset on. Throws where it is too short, and unless the offset is a
  // multiple of an element.
  Tensor(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype);

  // Elements are uninitialised.
  static Tensor empty(const Shape& shape, DType dtype = kReal, Device device = Device::cpu);
  static Tensor zeros(const Shape& shape, DType dtype = kReal, Device device = Device::cpu);
  static Tensor full(const Shape& shape, real value, Device device = Device::cpu);
  static Tensor empty_like(const Tensor& other);
  // Copies host values in row-major order; throws unless their number is the shape's. The element
  // type is that of the values: Tensor::from(std::vector<int64_t>{3, 1}, {2}) is I64.
  template <typename T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = Device::cpu);
  template <typename T>
  static Tensor from(const std::vector<T>& values, const Shape& shape,
                     Device device = Device::cpu) {
    return from(std::span<const T>(values), shape, device);
  }
  // Literals: Tensor::from({1, 2, 3, 4}, {2, 2}) holds reals.
  static Tensor from(std::initializer_list<real> values, const Shape& shape,
                     Device device = Device::cpu) {
    return from(std::span<const real>(values.begin(), values.size()), shape, device);
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t size(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }
  size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const {
    require(defined(), "[tensor] there is no value: the tensor or Variable is undefined.");
    return storage_->device();
  }
  const std::shared_ptr<Storage>& storage() const { return storage_; }
  size_t offset() const { return offset_; }

  // The elements, in the memory of device(), for kernels. Throws unless T is the tensor's type.
  // Duty of the caller: storage()->begin_write() before writing, as elements() and copy_from() do.
  template <typename T = real>
  T* data() const;
  std::byte* raw() const { return storage_->data() + offset_; }  // of a tensor that is defined
  // The elements themselves, to read and to write. Throws for a tensor of a GPU and for another T.
  template <typename T = real>
  std::span<T> elements() const;

  // The same elements in another shape of equal size.
  Tensor view(const Shape& shape) const;
  // Rows [begin, end) of the first axis, sharing elements.
  Tensor slice(int64_t begin, int64_t end) const;
  Tensor clone() const;
  Tensor to(Device device) const;  // itself where it is there already
  // Elements of a tensor of the same size and dtype, from any device.
  void copy_from(const Tensor& other) const;
  // The same from host values; throws unless their number and type are the tensor's.
  template <typename T>
  void copy_from(std::span<const T> values) const;
  void fill_zero() const;

  // Host copy of all elements, row-major.
  template <typename T = real>
  std::vector<T> to_vector() const;
  // The only element. Throws where there are more.
  template <typename T = real>
  T item() const;

 private:
  std::shared_ptr<Storage> storage_;
  size_t offset_ = 0;  // bytes
  Shape shape_;
  DType dtype_ = kReal;
};

template <typename T>
T* Tensor::data() const {
  require(defined(), "[tensor] an undefined tensor has no data.");
  require(dtype_of<T> == dtype_, "[tensor] elements are {}, not {}.", name_of(dtype_),
          name_of(dtype_of<T>));
  return reinterpret_cast<T*>(raw());
}

template <typename T>
std::span<T> Tensor::elements() const {
  T* const first = data<T>();
  require(device() == Device::cpu,
          "[tensor] the elements of {} are in the memory of {}; copy them with to(Device::cpu).",
          shape_, name_of(device()));
  storage_->begin_write();
  return {first, static_cast<size_t>(numel())};
}

template <typename T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape, Device device) {
  require(static_cast<int64_t>(values.size()) == shape.numel(),
          "[tensor] {} values do not fill the shape {}.", values.size(), shape);
  Tensor host = empty(shape, dtype_of<T>);
  std::copy(values.begin(), values.end(), host.data<T>());
  return host.to(device);
}

template <typename T>
void Tensor::copy_from(std::span<const T> values) const {
  copy_from(from(values, {static_cast<int64_t>(values.size())}));
}

template <typename T>
std::vector<T> Tensor::to_vector() const {
  const Tensor host = to(Device::cpu);
  return std::vector<T>(host.data<T>(), host.data<T>() + numel());
}

template <typename T>
T Tensor::item() const {
  require(numel() == 1, "[tensor] item() wants one element; the shape is {}.", shape_);
  return to_vector<T>()[0];
}

// "tensor([[1, 2], [3, 4]], shape=(2, 2), F32, cpu)", a row a line, columns aligned, at most six
// significant digits. Of more than 1000 elements each axis shows its first and last three, as NumPy
// does. The elements of a GPU are copied first, which waits for it.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace soragrad

template <>
struct fmt::formatter<soragrad::Tensor> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const soragrad::Tensor& tensor, Context& context) const {
    return fmt::formatter<std::string>::format(soragrad::to_string(tensor), context);
  }
};

// SPDX-License-Identifier: Apache-2.0
