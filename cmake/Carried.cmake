# Libraries from the .deb files of SORAGRAD_CARRIED (made by cmake/carry), for a machine that cannot
# install them: unpacked into the build folder, found there first, and by programs through RPATH.
# CMake reads the packages itself; nothing else is needed.
file(GLOB packages CONFIGURE_DEPENDS ${SORAGRAD_CARRIED}/*.deb)
if(NOT packages)
  message(FATAL_ERROR "[carried] ${SORAGRAD_CARRIED} holds no .deb files. "
    "Make them with cmake/carry on a Debian or Ubuntu machine.")
endif()
set(carried ${CMAKE_BINARY_DIR}/carried)
set(unpacked)
if(EXISTS ${carried}/packages.txt)
  file(READ ${carried}/packages.txt unpacked)
endif()
if(NOT unpacked STREQUAL packages)
  file(REMOVE_RECURSE ${carried})
  foreach(package ${packages})
    file(ARCHIVE_EXTRACT INPUT ${package} DESTINATION ${carried}/parts)
    file(GLOB data ${carried}/parts/data.tar*)
    file(ARCHIVE_EXTRACT INPUT ${data} DESTINATION ${carried})
    file(REMOVE_RECURSE ${carried}/parts)
  endforeach()
  file(WRITE ${carried}/packages.txt "${packages}")
endif()

file(GLOB folders ${carried}/usr/lib/*-linux-gnu ${carried}/lib/*-linux-gnu)
list(GET folders 0 folder)
get_filename_component(CMAKE_LIBRARY_ARCHITECTURE ${folder} NAME)
set(CMAKE_PREFIX_PATH ${carried}/usr)
# RPATH, not the newer RUNPATH: a library finds what it needs by it as well.
list(JOIN folders ",-rpath," folders)
string(APPEND CMAKE_EXE_LINKER_FLAGS " -Wl,--disable-new-dtags,-rpath,${folders}")

# SPDX-License-Identifier: Apache-2.0
