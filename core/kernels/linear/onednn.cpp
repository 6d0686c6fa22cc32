#include "core/kernels/linear/onednn.h"

#include <dnnl.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/integer_math.h"

namespace soragrad::kernels {
namespace {

using dnnl::memory;

// The layout of b is taken from a product of 64 rows and used for every number of rows.
constexpr int64_t kLayoutRows = 64;
constexpr size_t kAlignment = 64;

// Never destroyed, like the primitives: threads may still use them when static objects die.
const dnnl::engine& engine() {
  static const auto& instance = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return instance;
}

memory::desc plain(int64_t rows, int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, memory::format_tag::ab};
}

dnnl::matmul::primitive_desc describe(int64_t m, int64_t n, int64_t k, const memory::desc& b) {
  const memory::desc a = plain(m, k, memory::data_type::bf16);
  const memory::desc c = plain(m, n, memory::data_type::f32);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);  // threads share the primitive
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), a, b, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, c), attributes, engine()};
#endif
}

// Runs function() on this thread alone and turns an exception of oneDNN into an Error.
template <typename Function>
decltype(auto) translated(const char* what, Function function) {
  try {
    const SingleThreaded guard;
    return function();
  } catch (const dnnl::error& error) {
    fail("[gemm_bf16] oneDNN refused {}: {}, status {}.", what, error.what(),
         static_cast<int>(error.status));
  }
}

// cpu_isa values are sets of bits; a larger instruction set contains the bits of the smaller ones.
bool has_isa(dnnl::cpu_isa isa) {
  const auto required = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & required) == required;
}

}  // namespace

bool has_native_bf16() {
  static const bool native = has_isa(dnnl::cpu_isa::avx512_core_bf16);
  return native;
}

bool prefers_avx512_bf16() {
#if defined(__x86_64__)
  return has_native_bf16() && !has_isa(dnnl::cpu_isa::avx512_core_amx);
#else
  return false;
#endif
}

struct Bf16Product::Primitive {
  int64_t n, k;
  dnnl::matmul::primitive_desc desc;
  dnnl::matmul matmul;
};

const Bf16Product& Bf16Product::of(int64_t m, int64_t n, int64_t k) {
  static auto& mutex = *new std::mutex;
  static auto& products =
      *new std::map<std::tuple<int64_t, int64_t, int64_t>, std::unique_ptr<const Bf16Product>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<const Bf16Product>& product = products[{m, n, k}];
  if (product) return *product;
  return translated("a product", [&]() -> const Bf16Product& {
    const memory::desc any({k, n}, memory::data_type::bf16, memory::format_tag::any);
    const auto desc = describe(m, n, k, describe(kLayoutRows, n, k, any).weights_desc());
    product.reset(new Bf16Product(*new Primitive{n, k, desc, dnnl::matmul(desc)}));
    return *product;
  });
}

size_t Bf16Product::packed_bytes() const {
  const size_t bytes = primitive_.desc.weights_desc().get_size();
  return round_up(bytes, kAlignment);
}

void Bf16Product::pack(const float* b, int64_t row_stride, int64_t column_stride,
                       std::byte* packed) const {
  translated("to pack a matrix", [&] {
    const memory::desc to = primitive_.desc.weights_desc();
    const memory::desc from({primitive_.k, primitive_.n}, memory::data_type::f32,
                            memory::dims{row_stride, column_stride});
    memory source(from, engine(), const_cast<float*>(b)), target(to, engine(), packed);
    dnnl::stream stream(engine());
    dnnl::reorder(source, target).execute(stream, source, target);
    stream.wait();
  });
}

void Bf16Product::multiply(const bfloat16* a, const std::byte* packed, float* c) const {
  translated("to multiply", [&] {
    const auto& desc = primitive_.desc;
    thread_local std::vector<std::byte> scratchpad;
    scratchpad.resize(std::max(scratchpad.size(), desc.scratchpad_desc().get_size()));
    const auto at = [](const memory::desc& layout, const void* data) {
      return memory(layout, engine(), const_cast<void*>(data));
    };
    dnnl::stream stream(engine());
    primitive_.matmul.execute(
        stream, {{DNNL_ARG_SRC, at(desc.src_desc(), a)},
                 {DNNL_ARG_WEIGHTS, at(desc.weights_desc(), packed)},
                 {DNNL_ARG_DST, at(desc.dst_desc(), c)},
                 {DNNL_ARG_SCRATCHPAD, at(desc.scratchpad_desc(), scratchpad.data())}});
    stream.wait();
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
