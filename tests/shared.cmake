# BUILD_SHARED_LIBS=ON would link: each layer's objects make a shared library with the exports of
# cmake/exports.map, no name is missing in it, and a program on these libraries runs. The objects are
# those of the static libraries, so nothing is compiled twice.
if(SANITIZE OR LIBRARIES OR NOT EXISTS ${BUILD}/libsoragrad_core.a)
  message("SKIPPED: built with sanitizers, carried libraries, or shared already")
  return()
endif()
set(work ${BUILD}/tests/shared)
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})
file(STRINGS ${BUILD}/soragrad.pc libs REGEX "^Libs:")
string(REGEX MATCHALL " -l[a-zA-Z0-9_-]+| -pthread| -fopenmp" flags "${libs}")
list(TRANSFORM flags STRIP)
set(layers ${flags})
list(FILTER layers INCLUDE REGEX "-lsoragrad_")
list(FILTER flags EXCLUDE REGEX "-lsoragrad_")
list(TRANSFORM layers REPLACE "-l" "")
list(REVERSE layers)  # from core up

set(below)
foreach(layer ${layers})
  execute_process(COMMAND c++ -shared -o ${work}/lib${layer}.so -Wl,-soname,lib${layer}.so
      -Wl,--version-script=${SOURCE}/cmake/exports.map -Wl,-z,defs
      -Wl,--whole-archive ${BUILD}/lib${layer}.a -Wl,--no-whole-archive -L${work} ${below} ${flags}
    COMMAND_ERROR_IS_FATAL ANY)
  list(PREPEND below -l${layer})
endforeach()
execute_process(COMMAND c++ -std=c++20 -I${BUILD}/include -I${SOURCE} ${SOURCE}/tests/install/main.cpp
    ${SOURCE}/tests/install/other.cpp -o ${work}/two_files -L${work} -Wl,-rpath,${work} ${below} -lfmt
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${work}/two_files OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
if(NOT output STREQUAL "2\n[view] (3) has 3 elements, (2) has 2.\n")
  message(FATAL_ERROR "A program on the shared libraries prints: ${output}")
endif()

# Nothing but names of namespace soragrad leaves a library.
execute_process(COMMAND nm -DC --defined-only ${work}/libsoragrad_nn.so OUTPUT_VARIABLE names
  COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]* (nlohmann|fmt|std)::[^\n]*" foreign "${names}")
list(FILTER foreign EXCLUDE REGEX "soragrad::")
if(foreign)
  message(FATAL_ERROR "libsoragrad_nn.so exports names of others: ${foreign}")
endif()

# SPDX-License-Identifier: Apache-2.0
