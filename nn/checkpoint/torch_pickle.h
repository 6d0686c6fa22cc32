// A reader for the pickles inside torch checkpoints that runs nothing. It knows numbers, text,
// tuples, lists, dicts, ordered dicts and tensors; every other global is refused by its name before
// anything is built. Values live in one array and refer to each other by index, so cycles and
// repeated references cost nothing. Opcodes: Lib/pickletools.py of CPython.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace soragrad::nn {

// What a pickle says about a storage, once for each key; its bytes stand elsewhere in the file.
struct PickledStorage {
  std::string_view key;
  DType dtype = DType::f32;
  int64_t numel = 0;
};

// A view into a storage: a tensor, or a legacy storage view (sizes empty).
struct PickledTensor {
  size_t storage = 0;  // index into Pickle::storages
  int64_t offset = 0;  // in elements
  std::vector<int64_t> sizes, strides;
};

struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    global,
    tuple,
    list,
    dict,
    storage,
    tensor
  };
  Kind kind = Kind::none;
  int64_t number = 0;           // boolean, integer; index of a global or into Pickle::tensors
  std::string_view text;        // points into the pickle's bytes
  std::vector<uint32_t> items;  // members; of a dict keys and values in turn
};

// "int", "dict", "Tensor": the Python name of a kind, for messages.
std::string_view python_name(PickleValue::Kind kind);

struct Pickle {
  std::vector<PickleValue> values;
  std::vector<PickledStorage> storages;
  std::vector<PickledTensor> tensors;
  uint32_t root = 0;
  size_t size = 0;  // bytes up to and with the final STOP

  const PickleValue& top() const { return values[root]; }
  // The value of a text key of a dict, or null.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

// Reads the pickle at the start of the bytes, which must outlive the result. Throws Error "[where]
// ..." for unknown globals and opcodes, damage, and pickles past 64 MB or a million values.
Pickle read_pickle(std::span<const std::byte> bytes, std::string_view where);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
