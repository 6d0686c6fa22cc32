# test_cuda_emulation: the .cu files compiled by the host compiler, with AddressSanitizer: the kernels
# against cuda_emulation.h, core/cuda_runtime.cu against include/cuda_runtime.h. A kernel without a .cu
# is a link error. What knows of CUDA - autograd, the allocator, packed matrices, the optimizer,
# AdaLoRA's ranks - is compiled once more; the rest comes from the libraries.
if(SORAGRAD_CUDA)
  return()  # there the same sources run on the GPU
endif()
file(GLOB_RECURSE kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/kernels/*.cu)
list(FILTER kernels EXCLUDE REGEX "/cublas.cu$")  # cublas.cpp stands in
set(runtime ${PROJECT_SOURCE_DIR}/core/cuda_runtime.cu)
file(GLOB_RECURSE autograd CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/autograd/*.cpp)
file(GLOB emulation CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
set_source_files_properties(${kernels} ${runtime} PROPERTIES LANGUAGE CXX
  COMPILE_OPTIONS -Wno-unknown-pragmas)  # #pragma unroll
add_executable(test_cuda_emulation ${emulation} ${kernels} ${runtime} ${autograd} ${op_case_sources}
  ${PROJECT_SOURCE_DIR}/core/allocator.cpp ${PROJECT_SOURCE_DIR}/core/packed_matrix.cpp
  ${PROJECT_SOURCE_DIR}/nn/optim/optimizer.cpp
  ${PROJECT_SOURCE_DIR}/sora/baselines/rank_allocator.cpp
  ${PROJECT_SOURCE_DIR}/tests/autograd/kernels_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/autograd/token_choice_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/models/golden_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/models/attention_test.cpp)
target_compile_definitions(test_cuda_emulation PRIVATE SORAGRAD_WITH_CUDA
  SORAGRAD_CUDA_EMULATION="tests/cuda_emulation/cuda_emulation.h"
  SORAGRAD_CUDA_ARCHITECTURES="emulated" SORAGRAD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_include_directories(test_cuda_emulation PRIVATE ${CMAKE_CURRENT_LIST_DIR}/include)
target_compile_options(test_cuda_emulation PRIVATE -O1 -g1 -fsanitize=address
  -fno-omit-frame-pointer)
target_link_options(test_cuda_emulation PRIVATE -fsanitize=address)
target_link_libraries(test_cuda_emulation PRIVATE test_main soragrad_train soragrad_options)
target_precompile_headers(test_cuda_emulation PRIVATE ${soragrad_common_headers} <doctest/doctest.h>)
add_test(NAME cuda_emulation
  COMMAND test_cuda_emulation --source-file-exclude=*trainer_test.cpp,*train_step_test.cpp)
add_test(NAME cuda_emulation/trainer COMMAND test_cuda_emulation --source-file=*trainer_test.cpp)
add_test(NAME cuda_emulation/train_step
  COMMAND test_cuda_emulation --source-file=*train_step_test.cpp)
set_tests_properties(cuda_emulation cuda_emulation/trainer cuda_emulation/train_step
  PROPERTIES TIMEOUT 600 COST 100)  # the longest begin first

# SPDX-License-Identifier: Apache-2.0
