// The few calls of the CUDA runtime that the rest of core needs. A build without CUDA has them too:
// there cuda::unavailable_reason() says why, and the others throw it. One thread at a time may
// copy.
#pragma once

#include <cstddef>
#include <string>

namespace soragrad::cuda {

// Empty where a GPU can be used; otherwise one sentence that says why not.
std::string unavailable_reason();
// Architectures the kernels were compiled for, "80 86 90 (PTX 90)"; empty without CUDA.
std::string architectures();

void* allocate(size_t bytes);  // null where there is no room
void free(void* pointer) noexcept;
void copy_to_device(void* device, const void* host, size_t bytes);  // does not wait
void copy_to_host(void* host, const void* device, size_t bytes);    // waits for the result
void copy_on_device(void* to, const void* from, size_t bytes);
void fill_zero(void* device, size_t bytes);
void synchronize();

}  // namespace soragrad::cuda
