# Every library that soragrad links, once: how CMake finds it, how a linker names it and which Debian
# package brings it. The build, the installed package, its pkg-config file and the .deb read this.

# soragrad_dependency(TARGET [PACKAGE NAME | HEADER FILE] FLAG FLAG DEB PACKAGE): an imported target, found by
# the CMake package NAME or by a header and a library.
function(soragrad_dependency target)
  cmake_parse_arguments(ARG "" "PACKAGE;HEADER;FLAG;DEB" "" ${ARGN})
  foreach(field PACKAGE HEADER FLAG DEB)
    set_property(GLOBAL PROPERTY "soragrad_${field}_of_${target}" "${ARG_${field}}")
  endforeach()
endfunction()

soragrad_dependency(Threads::Threads PACKAGE Threads FLAG -pthread DEB libc6-dev)
soragrad_dependency(OpenMP::OpenMP_CXX PACKAGE OpenMP FLAG -fopenmp DEB g++)
soragrad_dependency(fmt::fmt PACKAGE fmt FLAG -lfmt DEB libfmt-dev)
soragrad_dependency(hwy::hwy HEADER hwy/highway.h FLAG -lhwy DEB libhwy-dev)
# Debian 12's dnnl-config.cmake asks for OpenCL, which its package does not bring.
soragrad_dependency(DNNL::dnnl HEADER oneapi/dnnl/dnnl.hpp FLAG -ldnnl DEB libdnnl-dev)
soragrad_dependency(OpenSSL::Crypto PACKAGE OpenSSL FLAG -lcrypto DEB libssl-dev)
soragrad_dependency(nlohmann_json::nlohmann_json PACKAGE nlohmann_json DEB nlohmann-json3-dev)
soragrad_dependency(libzip::zip HEADER zip.h FLAG -lzip DEB libzip-dev)
soragrad_dependency(LibLZMA::LibLZMA HEADER lzma.h FLAG -llzma DEB liblzma-dev)
soragrad_dependency(SentencePiece::train HEADER sentencepiece_trainer.h FLAG -lsentencepiece_train
  DEB libsentencepiece-dev)
soragrad_dependency(SentencePiece::processor HEADER sentencepiece_processor.h FLAG -lsentencepiece
  DEB libsentencepiece-dev)
soragrad_dependency(ICU::uc HEADER unicode/uchar.h FLAG -licuuc DEB libicu-dev)
soragrad_dependency(Snappy::snappy HEADER snappy.h FLAG -lsnappy DEB libsnappy-dev)
soragrad_dependency(zstd::zstd HEADER zstd.h FLAG -lzstd DEB libzstd-dev)
soragrad_dependency(yaml-cpp::yaml-cpp PACKAGE yaml-cpp FLAG -lyaml-cpp DEB libyaml-cpp-dev)
soragrad_dependency(CLI11::CLI11 PACKAGE CLI11 DEB libcli11-dev)
soragrad_dependency(CURL::libcurl PACKAGE CURL FLAG -lcurl DEB libcurl4-openssl-dev)
soragrad_dependency(CUDA::cudart PACKAGE CUDAToolkit FLAG -lcudart DEB nvidia-cuda-toolkit)
soragrad_dependency(CUDA::cublasLt PACKAGE CUDAToolkit FLAG -lcublasLt DEB nvidia-cuda-toolkit)
soragrad_dependency(cuDNN::cudnn HEADER cudnn.h FLAG -lcudnn DEB nvidia-cudnn)

# soragrad_find(TARGET ERROR): makes the target known to the calling folder. If it is not there, the
# variable ERROR gets one line that tells what to install.
function(soragrad_find target error)
  get_property(package GLOBAL PROPERTY "soragrad_PACKAGE_of_${target}")
  get_property(header GLOBAL PROPERTY "soragrad_HEADER_of_${target}")
  get_property(flag GLOBAL PROPERTY "soragrad_FLAG_of_${target}")
  get_property(deb GLOBAL PROPERTY "soragrad_DEB_of_${target}")
  if(TARGET ${target})
    return()
  elseif(package)
    find_package(${package} QUIET)
  elseif(header)
    string(MAKE_C_IDENTIFIER ${target} id)
    string(REGEX REPLACE "^-l" "" library ${flag})
    set(cuda PATHS ${CUDAToolkit_ROOT} /usr/local/cuda PATH_SUFFIXES include lib lib64)  # of cuDNN
    find_path(${id}_INCLUDE_DIR ${header} ${cuda})
    find_library(${id}_LIBRARY ${library} ${cuda})
    mark_as_advanced(${id}_INCLUDE_DIR ${id}_LIBRARY)
    if(${id}_INCLUDE_DIR AND ${id}_LIBRARY)
      add_library(${target} UNKNOWN IMPORTED)
      set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION ${${id}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${id}_INCLUDE_DIR})
    endif()
  endif()
  # yaml-cpp 0.7 names its target yaml-cpp, 0.8 yaml-cpp::yaml-cpp.
  if(target STREQUAL "yaml-cpp::yaml-cpp" AND NOT TARGET ${target} AND TARGET yaml-cpp)
    add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
  endif()
  if(NOT TARGET ${target})
    set(${error} "${target} is not installed; Debian and Ubuntu have it in ${deb}." PARENT_SCOPE)
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
