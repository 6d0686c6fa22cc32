// The functions of cuDNN that we call, each handed on to libcudnn.so.9, which is loaded at the
// first call. So a build needs cuDNN's headers alone, and its programs start where the library is
// missing: there every call fails, the version is 0, and the text of the error says why.
#include <cuda_runtime.h>
#include <dlfcn.h>

// Not exported: another part of a process may call the library itself.
#pragma GCC visibility push(hidden)
#include <cudnn.h>

namespace {

constexpr cudnnStatus_t kMissing = CUDNN_STATUS_NOT_INITIALIZED;

void* library() {
  static void* const opened = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
  return opened;
}

template <typename Function>
Function* find(const char* name) {
  return library() ? reinterpret_cast<Function*>(dlsym(library(), name)) : nullptr;
}

}  // namespace

size_t cudnnGetVersion() {
  static const auto real = find<decltype(cudnnGetVersion)>("cudnnGetVersion");
  return real ? real() : 0;
}
const char* cudnnGetErrorString(cudnnStatus_t status) {
  static const auto real = find<decltype(cudnnGetErrorString)>("cudnnGetErrorString");
  return real ? real(status) : "libcudnn.so.9 is not found";
}
void cudnnGetLastErrorString(char* message, size_t size) {
  static const auto real = find<decltype(cudnnGetLastErrorString)>("cudnnGetLastErrorString");
  if (real) return real(message, size);
  if (size > 0) message[0] = 0;
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  static const auto real = find<decltype(cudnnCreate)>("cudnnCreate");
  return real ? real(handle) : kMissing;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  static const auto real = find<decltype(cudnnSetStream)>("cudnnSetStream");
  return real ? real(handle, stream) : kMissing;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  static const auto real =
      find<decltype(cudnnBackendCreateDescriptor)>("cudnnBackendCreateDescriptor");
  return real ? real(type, descriptor) : kMissing;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  static const auto real =
      find<decltype(cudnnBackendDestroyDescriptor)>("cudnnBackendDestroyDescriptor");
  return real ? real(descriptor) : kMissing;
}
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void* values) {
  static const auto real = find<decltype(cudnnBackendSetAttribute)>("cudnnBackendSetAttribute");
  return real ? real(descriptor, name, type, count, values) : kMissing;
}
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t requested,
                                       int64_t* count, void* values) {
  static const auto real = find<decltype(cudnnBackendGetAttribute)>("cudnnBackendGetAttribute");
  return real ? real(descriptor, name, type, requested, count, values) : kMissing;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  static const auto real = find<decltype(cudnnBackendFinalize)>("cudnnBackendFinalize");
  return real ? real(descriptor) : kMissing;
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  static const auto real = find<decltype(cudnnBackendExecute)>("cudnnBackendExecute");
  return real ? real(handle, plan, pack) : kMissing;
}

#pragma GCC visibility pop

// SPDX-License-Identifier: Apache-2.0
