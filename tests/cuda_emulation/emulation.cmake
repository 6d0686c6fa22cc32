# test_cuda_emulation: the kernels' .cu files compiled by the host compiler, with AddressSanitizer,
# against cuda_emulation.h. A kernel without a .cu is a link error. What knows of CUDA - autograd,
# the allocator, packed matrices - is compiled once more; the rest comes from soragrad_core.
if(SORAGRAD_CUDA)
  return()  # there the same sources run on the GPU
endif()
file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/kernels/*.cu)
list(FILTER kernels EXCLUDE REGEX "/cublas.cu$")  # cuda_runtime.cpp stands in
file(GLOB_RECURSE autograd CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/autograd/*.cpp)
file(GLOB emulation CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
set_source_files_properties(${kernels} PROPERTIES LANGUAGE CXX)
add_executable(test_cuda_emulation ${emulation} ${kernels} ${autograd} ${op_case_sources}
  ${PROJECT_SOURCE_DIR}/core/allocator.cpp ${PROJECT_SOURCE_DIR}/core/kernels/packed_matrix.cpp
  ${PROJECT_SOURCE_DIR}/models/relative_position.cpp)
target_compile_definitions(test_cuda_emulation PRIVATE SORAGRAD_WITH_CUDA
  SORAGRAD_CUDA_EMULATION="tests/cuda_emulation/cuda_emulation.h")
target_compile_options(test_cuda_emulation PRIVATE -O1 -g1 -fsanitize=address
  -fno-omit-frame-pointer)
target_link_options(test_cuda_emulation PRIVATE -fsanitize=address)
target_link_libraries(test_cuda_emulation PRIVATE test_main soragrad_core soragrad_options)
add_test(NAME cuda_emulation COMMAND test_cuda_emulation)
set_tests_properties(cuda_emulation PROPERTIES TIMEOUT 300)
