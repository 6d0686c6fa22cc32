# Data parallel by MPI, as SORAGRAD_MPI says: a part of the program (train/loop/mpi.cpp), not of the
# library.
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

# SPDX-License-Identifier: Apache-2.0
