#include "core/cuda_runtime.h"

#include "core/error.h"
#include "core/gpu_identity.h"

// The CUDA build replaces this file's functions by those of core/cuda_runtime.cu.
#ifndef SORAGRAD_WITH_CUDA

namespace soragrad::cuda {
namespace {
constexpr const char* kReason =
    "this build has no CUDA backend; configure with -DSORAGRAD_CUDA=ON, or use device=cpu";
[[noreturn]] void refuse() {
  fail("[cuda] {}.", kReason);
}
}  // namespace

std::string unavailable_reason() {
  return kReason;
}
std::string architectures() {
  return "";
}
void choose_device(int) {}
std::string device_address() {
  refuse();
}
bool waits_for_each_launch() {
  return false;
}
std::string gpu_identity() {
  refuse();
}
std::string product_library() {
  return "";
}
void* allocate(size_t) {
  refuse();
}
void free(void*) noexcept {}
void copy_to_device(void*, const void*, size_t) {
  refuse();
}
void copy_to_host(void*, const void*, size_t) {
  refuse();
}
void copy_on_device(void*, const void*, size_t) {
  refuse();
}
void fill_zero(void*, size_t) {
  refuse();
}
void synchronize() {
  refuse();
}
Graph::~Graph() = default;
void Graph::capture(const std::function<void()>&) {
  refuse();
}
void Graph::launch() const {
  refuse();
}
Work work() {
  return {};
}
void count_operation() {}
void name_launch(const void*) {}
void name_launch(const char*) {}
void finish_launch() {}
void hold() {
  refuse();
}
Timeline::Timeline() {
  refuse();
}
Timeline::~Timeline() = default;
int64_t Timeline::mark() {
  refuse();
}
const std::vector<int64_t>& Timeline::times() {
  refuse();
}
void Timeline::read() {}

}  // namespace soragrad::cuda

#endif

// SPDX-License-Identifier: Apache-2.0
