# Data parallel by MPI, as SORAGRAD_MPI says, and by NCCL between GPUs, as SORAGRAD_NCCL says: parts of
# the program (train/loop/mpi.cpp, nccl.cpp), not of the library.
set(SORAGRAD_HAS_MPI FALSE)
if(NOT SORAGRAD_MPI STREQUAL "OFF")
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(SORAGRAD_HAS_MPI TRUE)
    # For this file alone: the commands of all others stay as they are.
    set_property(SOURCE train/loop/mpi.cpp APPEND PROPERTY COMPILE_DEFINITIONS SORAGRAD_WITH_MPI)
    set_property(SOURCE train/loop/mpi.cpp APPEND PROPERTY INCLUDE_DIRECTORIES
      ${MPI_CXX_INCLUDE_DIRS})
    target_link_libraries(soragrad_train INTERFACE $<LINK_ONLY:MPI::MPI_CXX>)
  elseif(SORAGRAD_MPI STREQUAL "ON")
    message(FATAL_ERROR "[soragrad] MPI is not installed; Debian and Ubuntu have it in "
      "libopenmpi-dev. -DSORAGRAD_MPI=OFF builds without.")
  endif()
endif()
set(SORAGRAD_HAS_NCCL FALSE)
if(SORAGRAD_CUDA AND SORAGRAD_HAS_MPI AND NOT SORAGRAD_NCCL STREQUAL "OFF")
  # Debian's libnccl-dev, NVIDIA's packages, or beside the toolkit.
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
  if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
    set(SORAGRAD_HAS_NCCL TRUE)
    set_property(SOURCE train/loop/nccl.cpp APPEND PROPERTY COMPILE_DEFINITIONS SORAGRAD_WITH_NCCL)
    set_property(SOURCE train/loop/nccl.cpp APPEND PROPERTY INCLUDE_DIRECTORIES
      ${NCCL_INCLUDE_DIR} ${CUDAToolkit_INCLUDE_DIRS})
    target_link_libraries(soragrad_train INTERFACE ${NCCL_LIBRARY})
  endif()
endif()
if(SORAGRAD_NCCL STREQUAL "ON" AND NOT SORAGRAD_HAS_NCCL)
  message(FATAL_ERROR "[soragrad] NCCL needs -DSORAGRAD_CUDA=ON, MPI, and nccl.h with libnccl "
    "(NVIDIA's libnccl-dev). -DSORAGRAD_NCCL=OFF builds without.")
endif()

# SPDX-License-Identifier: Apache-2.0
