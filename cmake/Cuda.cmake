# The CUDA backend: core/**/*.cu become part of soragrad_core. Configuring and building need nvcc
# and no GPU.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX} AND EXISTS /usr/local/cuda/bin/nvcc)
  set(CMAKE_CUDA_COMPILER /usr/local/cuda/bin/nvcc)  # where NVIDIA's packages put it
endif()
enable_language(CUDA)
# nvcc may compile with an older g++ than the rest (Debian's), whose libstdc++ is not to be linked.
list(FILTER CMAKE_CUDA_IMPLICIT_LINK_DIRECTORIES EXCLUDE REGEX "/gcc/")
# Of the architectures of a release those that this nvcc knows, or what -DSORAGRAD_CUDA_ARCHITECTURES
# names.
set(SORAGRAD_CUDA_ARCHITECTURES "release" CACHE STRING "GPU architectures, as 80;90, or release")
set(architectures ${SORAGRAD_CUDA_ARCHITECTURES})
if(architectures STREQUAL "release")
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-arch OUTPUT_VARIABLE known
    COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[0-9]+" known "${known}")
  set(architectures "")
  foreach(architecture 80 86 89 90 100 120)
    if(architecture IN_LIST known)
      list(APPEND architectures ${architecture})
    endif()
  endforeach()
endif()
include(CudaArchitectures)
soragrad_cuda_code(CMAKE_CUDA_ARCHITECTURES SORAGRAD_CUDA_ARCHITECTURES_TEXT ${architectures})
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 does not know it of nvcc
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
# NVIDIA's Python wheels bring libcudart.so.13, but not the plain name that linkers look for.
get_filename_component(nvcc ${CMAKE_CUDA_COMPILER} REALPATH)
get_filename_component(nvcc ${nvcc} DIRECTORY)
foreach(toolkit ${nvcc}/.. ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT})
  file(GLOB libraries ${toolkit}/lib/libcudart.so.* ${toolkit}/lib/libcublasLt.so.*)
  foreach(library ${libraries})
    string(REGEX REPLACE "[.0-9]+$" "" plain ${library})
    if(NOT EXISTS ${plain})
      get_filename_component(plain ${plain} NAME)
      get_filename_component(numbered ${library} NAME)
      file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/cuda)
      file(CREATE_LINK ${library} ${CMAKE_BINARY_DIR}/cuda/${numbered} SYMBOLIC)
      file(CREATE_LINK ${numbered} ${CMAKE_BINARY_DIR}/cuda/${plain} SYMBOLIC)
      list(PREPEND CMAKE_LIBRARY_PATH ${CMAKE_BINARY_DIR}/cuda)
    endif()
  endforeach()
endforeach()
find_package(CUDAToolkit 12.4 REQUIRED)
# cuBLASLt may come from another place than nvcc.
find_path(CUBLASLT_INCLUDE_DIR cublasLt.h REQUIRED
  HINTS ${CUDAToolkit_INCLUDE_DIRS} ${CUDAToolkit_ROOT}/include $ENV{CUDAToolkit_ROOT}/include)

# soragrad_cuda(NAME): adds the .cu files below NAME/ to soragrad_NAME.
function(soragrad_cuda name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cu)
  if(SORAGRAD_HAS_CUDNN)
    set_property(SOURCE ${PROJECT_SOURCE_DIR}/core/kernels/linear/gemm_gelu.cpp APPEND PROPERTY
      COMPILE_DEFINITIONS SORAGRAD_WITH_CUDNN)
    # The headers alone: core/kernels/linear/cudnn_library.cu loads the library.
    target_include_directories(soragrad_${name} SYSTEM PRIVATE ${cuDNN__cudnn_INCLUDE_DIR})
    target_link_libraries(soragrad_${name} PRIVATE ${CMAKE_DL_LIBS})
  else()
    list(FILTER sources EXCLUDE REGEX "/(gemm_gelu|cudnn_plan|cudnn_library)[.]cu$")
  endif()
  target_sources(soragrad_${name} PRIVATE ${sources})
  soragrad_call_kernels(soragrad_${name})
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/core/cuda_runtime.cu APPEND PROPERTY
    COMPILE_DEFINITIONS "SORAGRAD_CUDA_ARCHITECTURES=\"${SORAGRAD_CUDA_ARCHITECTURES_TEXT}\"")
  # fmt 9 takes nvcc for a compiler without constexpr, and nvcc refuses its consteval.
  target_compile_options(soragrad_${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo -DFMT_USE_CONSTEXPR=1 -DFMT_CONSTEVAL= -DFMT_USE_CONSTEVAL=0>)
  target_include_directories(soragrad_${name} SYSTEM PRIVATE ${CUBLASLT_INCLUDE_DIR})
  target_link_libraries(soragrad_${name} PRIVATE CUDA::cudart CUDA::cublasLt)
endfunction()

# SPDX-License-Identifier: Apache-2.0
