#include "nn/checkpoint/torch_state_dict.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::nn {
namespace {

// A tensor may repeat elements (stride 0), but no further than this past its storage: a few bytes
// must not ask for terabytes.
constexpr int64_t kMaxExpanded = 1 << 24;

// Elements from the first to past the last that sizes and strides reach; none on overflow.
std::optional<int64_t> checked_extent(const PickledTensor& tensor, int64_t numel) {
  if (numel == 0) return 0;
  int64_t extent = 1;
  for (size_t axis = 0; axis < tensor.sizes.size(); ++axis) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(tensor.sizes[axis] - 1, tensor.strides[axis], &reach) ||
        __builtin_add_overflow(extent, reach, &extent)) {
      return std::nullopt;
    }
  }
  return extent;
}

void place(StoredTensor& tensor, const PickledTensor& pickled, const PickledStorage& storage,
           const FileBytes& file) {
  const size_t item = size_of(storage.dtype);
  require(file.bytes.size() / item == static_cast<uint64_t>(storage.numel) &&
              file.bytes.size() % item == 0,
          "[{}] storage '{}' has {} bytes, where {} elements of {} are described.", tensor.where,
          shown(storage.key), file.bytes.size(), storage.numel, name_of(storage.dtype));
  const int64_t numel = *checked_numel(pickled.sizes);  // checked when the pickle was read
  const std::optional<int64_t> extent = checked_extent(pickled, numel);
  require(extent && pickled.offset <= storage.numel - *extent,
          "[{}] '{}' {} with strides {} from element {} on leaves its storage of {} elements.",
          tensor.where, shown(tensor.name), to_text(pickled.sizes), to_text(pickled.strides),
          pickled.offset, storage.numel);
  require(numel <= std::max(storage.numel, kMaxExpanded),
          "[{}] '{}' {} is expanded from only {} elements; save it contiguous.", tensor.where,
          shown(tensor.name), to_text(pickled.sizes), storage.numel);
  tensor.dtype = storage.dtype;
  tensor.type = name_of(storage.dtype);
  tensor.sizes = pickled.sizes;
  tensor.strides = pickled.strides;
  tensor.bytes = file.bytes.subspan(static_cast<size_t>(pickled.offset) * item,
                                    static_cast<size_t>(*extent) * item);
  tensor.owner = file.owner;
}

}  // namespace

std::vector<StoredTensor> list_tensors(const Pickle& pickle, std::span<const FileBytes> storages,
                                       const std::string& where) {
  const PickleValue& dict = pickle.top();
  require(dict.kind == PickleValue::Kind::dict,
          "[{}] holds a value of type {}, where a state dict (names to tensors) is wanted.", where,
          python_name(dict.kind));
  std::vector<StoredTensor> result;
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& name = pickle.values[dict.items[i]];
    const PickleValue& value = pickle.values[dict.items[i + 1]];
    require(name.kind == PickleValue::Kind::text,
            "[{}] has a key of type {}, where the name of a tensor is wanted.", where,
            python_name(name.kind));
    require(names.insert(name.text).second, "[{}] has '{}' twice; names must be unique.", where,
            shown(name.text));
    StoredTensor tensor{.name = std::string(name.text),
                        .type = "a Python " + std::string(python_name(value.kind))};
    tensor.where = where;
    if (value.kind == PickleValue::Kind::tensor) {
      const PickledTensor& pickled = pickle.tensors[static_cast<size_t>(value.number)];
      place(tensor, pickled, pickle.storages[pickled.storage], storages[pickled.storage]);
    }
    result.push_back(std::move(tensor));
  }
  return result;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
