# Precompiled headers. The standard library, fmt and JSON are parsed once and not again by every source,
# which takes a third off the build. Sources include what they use all the same: compilers other than
# g++ and builds with -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON (compiler caches need it) go without.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
set(soragrad_common_headers <algorithm> <array> <charconv> <chrono> <cmath> <cstdint> <cstring>
  <filesystem> <fstream> <functional> <limits> <map> <memory> <numeric> <optional> <set> <span>
  <sstream> <stdexcept> <string> <string_view> <tuple> <unordered_map> <unordered_set> <utility>
  <vector> <fmt/format.h> <nlohmann/json.hpp>)

# soragrad_precompile(NAME HEADERS ... OPTIONS ...): targets with these compile options share the
# headers by target_precompile_headers(TARGET REUSE_FROM NAME).
function(soragrad_precompile name)
  cmake_parse_arguments(ARG "" "" "HEADERS;OPTIONS" ${ARGN})
  add_library(${name} OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)  # OPTIONS tell it
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_link_libraries(${name} PRIVATE fmt::fmt nlohmann_json::nlohmann_json soragrad_options)
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${soragrad_common_headers} ${ARG_HEADERS})
endfunction()

# soragrad_reuse_precompiled(TARGET LIBRARIES...): the headers for a layer that links LIBRARIES.
function(soragrad_reuse_precompiled target)
  if("OpenMP::OpenMP_CXX" IN_LIST ARGN)
    target_precompile_headers(${target} REUSE_FROM precompiled_openmp)
  else()
    target_precompile_headers(${target} REUSE_FROM precompiled)
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
