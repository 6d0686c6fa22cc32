// cuDNN's properties of the device, if its library is there; see probe.cu.
#include <dlfcn.h>

#if __has_include(<cudnn.h>)
#include <cudnn.h>
#endif

#include <cstdint>

#include "benchmarks/gpu/probe.h"

namespace probe {

#if defined(CUDNN_MAJOR) && CUDNN_VERSION >= 90800
namespace {

template <typename Function>
Function* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (!found) throw std::runtime_error(std::string("libcudnn has no ") + name);
  return reinterpret_cast<Function*>(found);
}

void require_done(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(what) + ": status " + std::to_string(status));
}

}  // namespace

void cudnn() {
  void* library = dlopen("libcudnn.so.9", RTLD_NOW);
  if (!library) throw std::runtime_error("libcudnn.so.9 is not found");
  const auto create =
      symbol<decltype(cudnnBackendCreateDescriptor)>(library, "cudnnBackendCreateDescriptor");
  const auto set = symbol<decltype(cudnnBackendSetAttribute)>(library, "cudnnBackendSetAttribute");
  const auto get = symbol<decltype(cudnnBackendGetAttribute)>(library, "cudnnBackendGetAttribute");
  const auto finalize = symbol<decltype(cudnnBackendFinalize)>(library, "cudnnBackendFinalize");
  const auto version = symbol<decltype(cudnnGetVersion)>(library, "cudnnGetVersion");
  cudnnBackendDescriptor_t properties = nullptr;
  require_done(create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &properties), "a description");
  const int32_t number = 0;
  require_done(set(properties, CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &number),
               "the device");
  require_done(finalize(properties), "the description");
  int64_t size = 0;
  require_done(get(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0, &size,
                   nullptr),
               "the size");
  std::string text(static_cast<size_t>(size), ' ');
  require_done(get(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, size,
                   &size, text.data()),
               "the text");
  std::printf("{\"section\": \"cudnn\", \"version\": %zu, \"properties\": %s}\n", version(),
              text.c_str());
}
#else
void cudnn() {
  throw std::runtime_error("built without the headers of cuDNN 9.8 or newer");
}
#endif

}  // namespace probe

// SPDX-License-Identifier: Apache-2.0
