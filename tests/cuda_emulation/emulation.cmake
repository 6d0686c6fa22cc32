# The .cu files compiled by the host compiler: the kernels against cuda_emulation.h,
# core/cuda_runtime.cu, cublas.cu and cudnn_plan.cu against the headers of include/. A kernel without
# a .cu is a link error. What knows of CUDA - autograd, the allocator, packed matrices, the optimizer,
# AdaLoRA's ranks - is compiled once more; the rest comes from the libraries. Two programs:
#   test_cuda_emulation  kernels with AddressSanitizer and the CPU's arithmetic
#   test_cuda_accesses   kernels whose every access is watched (access_checker.h), with the
#                        arithmetic of a GPU: contraction to FMA, tensor cores that cut sums off
if(SORAGRAD_CUDA)
  return()  # there the same sources run on the GPU
endif()
file(GLOB_RECURSE kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/kernels/*.cu)
list(FILTER kernels EXCLUDE REGEX "/(cublas|cudnn_library)[.]cu$")  # have no kernel
set(runtime ${PROJECT_SOURCE_DIR}/core/cuda_runtime.cu
  ${PROJECT_SOURCE_DIR}/core/kernels/linear/cublas.cu)
file(GLOB_RECURSE autograd CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/autograd/*.cpp)
file(GLOB accesses CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/accesses/*.cpp)
set(checker_test ${CMAKE_CURRENT_LIST_DIR}/accesses/checker_test.cpp)  # has kernels of its own
list(REMOVE_ITEM accesses ${checker_test})
file(GLOB emulation_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_test.cpp)
set(nccl)
if(SORAGRAD_HAS_MPI)  # which stands in for NCCL
  set(nccl ${PROJECT_SOURCE_DIR}/train/loop/nccl.cpp ${CMAKE_CURRENT_LIST_DIR}/nccl.cpp)
else()
  list(REMOVE_ITEM emulation_tests ${CMAKE_CURRENT_LIST_DIR}/nccl_test.cpp)
endif()
set_source_files_properties(${kernels} ${runtime} PROPERTIES LANGUAGE CXX
  COMPILE_OPTIONS -Wno-unknown-pragmas)  # #pragma unroll

function(emulates_cuda target)
  target_compile_definitions(${target} PRIVATE SORAGRAD_WITH_CUDA
    SORAGRAD_CUDA_EMULATION="tests/cuda_emulation/cuda_emulation.h"
    SORAGRAD_CUDA_ARCHITECTURES="emulated" SORAGRAD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/include)
  target_compile_options(${target} PRIVATE -O1 -g1 -fno-omit-frame-pointer)
  target_link_libraries(${target} PRIVATE test_main soragrad_train soragrad_options)
endfunction()

# What both programs share.
add_library(cuda_emulation OBJECT ${runtime} ${autograd} ${op_case_sources}
  ${CMAKE_CURRENT_LIST_DIR}/cuda_emulation.cpp ${CMAKE_CURRENT_LIST_DIR}/runtime_api.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tensor_cores.cpp
  ${CMAKE_CURRENT_LIST_DIR}/capture.cpp ${CMAKE_CURRENT_LIST_DIR}/cublas_lt.cpp ${CMAKE_CURRENT_LIST_DIR}/cudnn.cpp
  ${PROJECT_SOURCE_DIR}/core/allocator.cpp ${PROJECT_SOURCE_DIR}/core/packed_matrix.cpp
  ${PROJECT_SOURCE_DIR}/core/delta_matrix.cpp
  ${PROJECT_SOURCE_DIR}/nn/optim/optimizer.cpp
  ${PROJECT_SOURCE_DIR}/sora/baselines/rank_allocator.cpp
  ${PROJECT_SOURCE_DIR}/tests/autograd/attention_operand_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/autograd/kernels_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/autograd/token_choice_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/models/golden_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/models/attention_test.cpp)
emulates_cuda(cuda_emulation)
target_compile_options(cuda_emulation PRIVATE -fsanitize=address)

add_executable(test_cuda_emulation ${emulation_tests} ${kernels} ${nccl}
  $<TARGET_OBJECTS:cuda_emulation>)
emulates_cuda(test_cuda_emulation)
target_compile_options(test_cuda_emulation PRIVATE -fsanitize=address)
target_link_options(test_cuda_emulation PRIVATE -fsanitize=address)
target_precompile_headers(test_cuda_emulation PRIVATE ${soragrad_common_headers} <doctest/doctest.h>)

if(SORAGRAD_HAS_MPI)
  target_compile_definitions(test_cuda_emulation PRIVATE SORAGRAD_WITH_NCCL)
  set_property(SOURCE ${CMAKE_CURRENT_LIST_DIR}/nccl.cpp APPEND PROPERTY INCLUDE_DIRECTORIES
    ${MPI_CXX_INCLUDE_DIRS})
  target_link_libraries(test_cuda_emulation PRIVATE MPI::MPI_CXX)
endif()

# The compiler calls back at each access of a kernel, as for its thread sanitizer, whose library is
# not linked. FMA is used if this machine has it.
include(CheckCXXSourceRuns)
set(CMAKE_REQUIRED_FLAGS "-mfma")
check_cxx_source_runs("int main() { return __builtin_cpu_supports(\"fma\") ? 0 : 1; }"
  SORAGRAD_RUNS_FMA)
unset(CMAKE_REQUIRED_FLAGS)
add_library(cuda_watched_kernels OBJECT ${kernels} ${checker_test})
emulates_cuda(cuda_watched_kernels)
target_compile_options(cuda_watched_kernels PRIVATE -fsanitize=thread,alignment
  -fno-sanitize-recover=alignment -ffp-contract=fast $<$<BOOL:${SORAGRAD_RUNS_FMA}>:-mfma>)
add_executable(test_cuda_accesses ${accesses} $<TARGET_OBJECTS:cuda_watched_kernels>
  $<TARGET_OBJECTS:cuda_emulation>)
emulates_cuda(test_cuda_accesses)
target_compile_options(test_cuda_accesses PRIVATE -fsanitize=address)
target_link_options(test_cuda_accesses PRIVATE -fsanitize=address,alignment)

add_test(NAME cuda_emulation
  COMMAND test_cuda_emulation
    --source-file-exclude=*trainer_test.cpp,*train_step_test.cpp,*pretraining_test.cpp,*nccl_test.cpp)
add_test(NAME cuda_emulation/launch_blocking
  COMMAND test_cuda_emulation "--test-case=*CUDA_LAUNCH_BLOCKING*")
set_tests_properties(cuda_emulation/launch_blocking PROPERTIES
  ENVIRONMENT CUDA_LAUNCH_BLOCKING=1 FAIL_REGULAR_EXPRESSION "SKIPPED:" TIMEOUT 60)
add_test(NAME cuda_emulation/without_cudnn
  COMMAND test_cuda_emulation "--test-case=*SORAGRAD_CUDNN*")
set_tests_properties(cuda_emulation/without_cudnn PROPERTIES
  ENVIRONMENT SORAGRAD_CUDNN=0 FAIL_REGULAR_EXPRESSION "SKIPPED:" TIMEOUT 60)
add_test(NAME cuda_emulation/trainer COMMAND test_cuda_emulation --source-file=*trainer_test.cpp)
add_test(NAME cuda_emulation/train_step
  COMMAND test_cuda_emulation --source-file=*train_step_test.cpp)
add_test(NAME cuda_emulation/pretraining
  COMMAND test_cuda_emulation --source-file=*pretraining_test.cpp)
if(SORAGRAD_HAS_MPI AND MPIEXEC_EXECUTABLE)
  # Under Open MPI, whose own memory is never freed.
  add_test(NAME cuda_emulation/nccl COMMAND ${MPIEXEC_EXECUTABLE} --allow-run-as-root --oversubscribe
    ${MPIEXEC_NUMPROC_FLAG} 3 $<TARGET_FILE:test_cuda_emulation> --source-file=*nccl_test.cpp)
  set_tests_properties(cuda_emulation/nccl PROPERTIES ENVIRONMENT ASAN_OPTIONS=detect_leaks=0
    TIMEOUT 600 PROCESSORS 2)
endif()
add_test(NAME cuda_emulation/accesses
  COMMAND test_cuda_accesses --source-file-exclude=*mutants_test.cpp,*attention_test.cpp)
add_test(NAME cuda_emulation/mutants COMMAND test_cuda_accesses --source-file=*mutants_test.cpp)
set_tests_properties(cuda_emulation cuda_emulation/trainer cuda_emulation/train_step
  cuda_emulation/pretraining cuda_emulation/accesses cuda_emulation/mutants
  PROPERTIES TIMEOUT 600 COST 100)  # the longest begin first
find_program(SORAGRAD_PYTHON python3)
if(SORAGRAD_PYTHON)
  add_test(NAME first_contact COMMAND ${SORAGRAD_PYTHON} ${PROJECT_SOURCE_DIR}/tests/first_contact.py
    ${PROJECT_SOURCE_DIR} $<TARGET_FILE:soragrad> ${PROJECT_BINARY_DIR}/tests/first_contact)
  set_tests_properties(first_contact PROPERTIES TIMEOUT 300 LABELS slow)
  # The machine code of the kernels, where nvcc is.
  add_test(NAME sass_counts COMMAND ${SORAGRAD_PYTHON} ${PROJECT_SOURCE_DIR}/benchmarks/gpu/sass_counts)
  set_tests_properties(sass_counts PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS slow)
endif()
set_tests_properties(cuda_emulation/mutants PROPERTIES LABELS slow)

# SPDX-License-Identifier: Apache-2.0
