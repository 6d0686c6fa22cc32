#include "nn/checkpoint/torch_globals.h"

#include <algorithm>
#include <array>

namespace soragrad::nn {
namespace {

constexpr std::array<KnownGlobal, 14> kGlobals = {{
    {"collections", "OrderedDict", Global::ordered_dict},
    {"torch._utils", "_rebuild_tensor_v2", Global::rebuild_v2},
    {"torch._utils", "_rebuild_tensor", Global::rebuild_old},
    {"torch._utils", "_rebuild_parameter", Global::rebuild_parameter},
    {"torch", "FloatStorage", Global::storage, DType::f32},
    {"torch", "DoubleStorage", Global::storage, DType::f64},
    {"torch", "HalfStorage", Global::storage, DType::f16},
    {"torch", "BFloat16Storage", Global::storage, DType::bf16},
    {"torch", "LongStorage", Global::storage, DType::i64},
    {"torch", "IntStorage", Global::storage, DType::i32},
    {"torch", "ShortStorage", Global::storage, DType::i16},
    {"torch", "CharStorage", Global::storage, DType::i8},
    {"torch", "ByteStorage", Global::storage, DType::u8},
    {"torch", "BoolStorage", Global::storage, DType::boolean},
}};

}  // namespace

std::optional<size_t> find_global(std::string_view module, std::string_view name) {
  const auto* found = std::find_if(
      kGlobals.begin(), kGlobals.end(),
      [&](const KnownGlobal& global) { return global.module == module && global.name == name; });
  if (found == kGlobals.end()) return std::nullopt;
  return static_cast<size_t>(found - kGlobals.begin());
}

const KnownGlobal& global_at(int64_t number) {
  return kGlobals[static_cast<size_t>(number)];
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
