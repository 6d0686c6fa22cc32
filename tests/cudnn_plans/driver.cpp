// libcuda.so.1 for a machine without a GPU: as much of the driver as cuDNN asks for while it makes
// a plan. Loading a kernel succeeds and does nothing; whatever would run one fails. The device is
// an H200 as the CUDA programming guide describes compute capability 9.0.
#include <dlfcn.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace {

constexpr int kSuccess = 0, kNoDevice = 100, kNotFound = 500, kNotSupported = 801;

// CUdevice_attribute by number.
int device_attribute(int attribute) {
  switch (attribute) {
    case 1:  // threads of a block
    case 2:
    case 3:
    case 111:  // reserved shared memory
      return 1024;
    case 4:  // size z of a block
      return 64;
    case 5:  // blocks of a grid, x
      return 2147483647;
    case 6:
    case 7:
      return 65535;
    case 8:  // bytes of shared memory of a block
      return 48 << 10;
    case 10:   // warp
    case 106:  // blocks of a multiprocessor
      return 32;
    case 12:  // registers of a block, of a multiprocessor
    case 82:
      return 65536;
    case 16:  // multiprocessors
      return 132;
    case 38:  // bytes of L2
      return 60 << 20;
    case 39:  // threads of a multiprocessor
      return 2048;
    case 75:  // compute capability
      return 9;
    case 76:
      return 0;
    case 81:  // bytes of shared memory of a multiprocessor
      return 228 << 10;
    case 97:  // of a block that asks for more
      return 227 << 10;
    default:
      return 1;
  }
}

// Of a kernel: threads of a block, registers.
int kernel_attribute(int attribute) {
  return attribute == 0 ? 1024 : attribute == 4 ? 128 : 0;
}

int place(void** object) {
  static int some = 0;
  *object = &some;
  return kSuccess;
}

}  // namespace

// The driver's functions, with as many of their arguments as are looked at.
extern "C" {
int cuInit(unsigned) {
  return kSuccess;
}
int cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
int cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}
int cuDeviceGet(int* device, int) {
  *device = 0;
  return kSuccess;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = device_attribute(attribute);
  return kSuccess;
}
int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = size_t{140} << 30;
  return kSuccess;
}
int cuCtxGetCurrent(void** context) {
  return place(context);
}
int cuLibraryLoadData(void** library) {
  return place(library);
}
int cuLibraryLoadFromFile(void** library) {
  return place(library);
}
int cuLibraryGetKernel(void** kernel) {
  return place(kernel);
}
int cuLibraryGetModule(void** module) {
  return place(module);
}
int cuLibraryUnload(void*) {
  return kSuccess;
}
int cuModuleLoadData(void** module) {
  return place(module);
}
int cuModuleLoadDataEx(void** module) {
  return place(module);
}
int cuModuleGetFunction(void** function) {
  return place(function);
}
int cuKernelGetFunction(void** function) {
  return place(function);
}
int cuKernelSetAttribute(int, int, void*, int) {
  return kSuccess;
}
int cuKernelGetAttribute(int* value, int attribute) {
  *value = kernel_attribute(attribute);
  return kSuccess;
}
int cuFuncGetAttribute(int* value, int attribute) {
  *value = kernel_attribute(attribute);
  return kSuccess;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks) {
  *blocks = 2;
  return kSuccess;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks) {
  *blocks = 2;
  return kSuccess;
}
int cuGetErrorString(int, const char** text) {
  *text = "there is no GPU";
  return kSuccess;
}
int cuGetErrorName(int, const char** text) {
  *text = "no GPU";
  return kSuccess;
}
int cuGetExportTable(const void** table) {
  *table = nullptr;
  return kNoDevice;
}

// What cuDNN only looks up.
int cuCtxGetLimit() {
  return kNotSupported;
}
int cuCtxPopCurrent() {
  return kNotSupported;
}
int cuCtxPushCurrent() {
  return kNotSupported;
}
int cuStreamGetCtx() {
  return kNotSupported;
}
int cuLinkCreate() {
  return kNotSupported;
}
int cuLinkAddData() {
  return kNotSupported;
}
int cuLinkComplete() {
  return kNotSupported;
}
int cuLinkDestroy() {
  return kNotSupported;
}
int cuLaunchKernel() {
  return kNotSupported;
}
int cuLaunchKernelEx() {
  return kNotSupported;
}
int cuLaunchCooperativeKernel() {
  return kNotSupported;
}
int cuOccupancyMaxPotentialClusterSize() {
  return kNotSupported;
}

// Addresses by name, the newest version first.
int cuGetProcAddress(const char* name, void** function, int, unsigned long long) {
  void* self = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  *function = std::strcmp(name, "cuGetProcAddress") == 0
                  ? nullptr
                  : dlsym(self, (std::string(name) + "_v2").c_str());
  if (!*function) *function = dlsym(self, name);
  return *function ? kSuccess : kNotFound;
}
int cuGetProcAddress_v2(const char* name, void** function, int version, unsigned long long flags,
                        int* status) {
  const int result = cuGetProcAddress(name, function, version, flags);
  if (status) *status = result == kSuccess ? 0 : 1;
  return result;
}
}

// SPDX-License-Identifier: Apache-2.0
