// The globals a pickled state dict needs: the whole of what the pickle reader knows by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/dtype.h"

namespace soragrad::nn {

enum class Global : uint8_t { ordered_dict, rebuild_v2, rebuild_old, rebuild_parameter, storage };

struct KnownGlobal {
  std::string_view module, name;
  Global global;
  DType dtype = DType::f32;  // of a storage
};

// Number of a known global; none for all others.
std::optional<size_t> find_global(std::string_view module, std::string_view name);

// The global of that number.
const KnownGlobal& global_at(int64_t number);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
