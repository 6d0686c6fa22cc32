# cuDNN 9.8 or newer, as SORAGRAD_CUDNN says: in the CUDA toolkit, in NVIDIA's Python wheels beside
# CUDAToolkit_ROOT, or where Debian's installer puts it. A GPU build uses it
# (core/kernels/linear/gemm_gelu.h); a test uses it without a GPU, and without nvcc.
set(SORAGRAD_HAS_CUDNN FALSE)
if(SORAGRAD_CUDNN STREQUAL "OFF")
  return()
endif()
set(places ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} ${CUDAToolkit_ROOT}/../cudnn
  $ENV{CUDAToolkit_ROOT}/../cudnn ${nvcc}/.. /usr/local/cuda)
find_path(cuDNN__cudnn_INCLUDE_DIR cudnn.h HINTS ${places} PATH_SUFFIXES include)
# The wheels bring the numbered name alone.
find_library(cuDNN__cudnn_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${places} PATH_SUFFIXES lib lib64)
soragrad_find(cuDNN::cudnn error)
if(TARGET cuDNN::cudnn)
  file(STRINGS ${cuDNN__cudnn_INCLUDE_DIR}/cudnn_version.h lines REGEX "CUDNN_(MAJOR|MINOR) +[0-9]+$")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." version)
  if(version VERSION_GREATER_EQUAL 9.8)
    set(SORAGRAD_HAS_CUDNN TRUE)
    # Programs load it at run time; those of the build folder find it where it is now.
    get_filename_component(soragrad_cudnn_folder ${cuDNN__cudnn_LIBRARY} DIRECTORY)
    if(SORAGRAD_CUDA)
      list(APPEND CMAKE_BUILD_RPATH ${soragrad_cudnn_folder})
    endif()
  else()
    set(error "cuDNN ${version} in ${cuDNN__cudnn_INCLUDE_DIR} is older than 9.8.")
  endif()
endif()
if(SORAGRAD_CUDNN STREQUAL "ON" AND NOT SORAGRAD_HAS_CUDNN)
  message(FATAL_ERROR "[soragrad] ${error} CUDAToolkit_ROOT can name its folder; "
    "-DSORAGRAD_CUDNN=OFF builds without.")
endif()

# SPDX-License-Identifier: Apache-2.0
