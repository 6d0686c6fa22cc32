# soragrad_layer(NAME LINK ... [PRIVATE ...] [INTERNAL]): the library soragrad_NAME of all sources
# below NAME/, static or shared as BUILD_SHARED_LIBS says. LINK lists the layers below it and the
# libraries whose headers its own headers include, PRIVATE the other libraries. An INTERNAL layer is
# a part of the program: static and not installed.
# soragrad_program(NAME MAIN LINK ...): an executable.

add_library(soragrad_options INTERFACE)
target_compile_options(soragrad_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers
    -fopenmp-simd -fno-math-errno -fno-trapping-math>)  # what vectorising a plain loop needs
# Of what takes no time when it runs: the program's own layers and the tests. Builds a third faster.
set(soragrad_quick_level $<$<CONFIG:Release>:-O1> $<$<BOOL:${SORAGRAD_SANITIZE}>:-O0>)
if(SORAGRAD_SANITIZE)
  # vptr alone would be a quarter of the build; what it finds AddressSanitizer nearly always finds too.
  target_compile_options(soragrad_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize=vptr
      -fno-sanitize-recover=undefined -fno-omit-frame-pointer>)
  target_link_options(soragrad_options INTERFACE -fsanitize=address,undefined)
endif()
if(SORAGRAD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "[soragrad] SORAGRAD_FUZZ needs clang; configure with CXX=clang++.")
  endif()
  set(checks address,undefined,float-cast-overflow)
  target_compile_options(soragrad_options INTERFACE -fsanitize=fuzzer-no-link,${checks}
    -fno-sanitize-recover=undefined,float-cast-overflow -fno-omit-frame-pointer)
  target_link_options(soragrad_options INTERFACE -fsanitize=${checks})
endif()

# Finds the libraries of other projects among these; what is missing ends the configuration.
macro(soragrad_find_all)
  foreach(target ${ARGN})
    if(target MATCHES "::")
      set(error)
      soragrad_find(${target} error)
      if(error)
        message(FATAL_ERROR "[soragrad] ${error}")
      endif()
    endif()
  endforeach()
endmacro()

# A macro: the imported targets of find_package() belong to the folder that calls it.
macro(soragrad_layer name)
  cmake_parse_arguments(ARG "INTERNAL" "" "LINK;PRIVATE" ${ARGN})
  soragrad_find_all(${ARG_LINK} ${ARG_PRIVATE})
  soragrad_add_layer(${name} "${ARG_INTERNAL}" "${ARG_LINK}" "${ARG_PRIVATE}")
endmacro()

function(soragrad_add_layer name internal link private)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/cli/main.cpp$")
  set(type)
  set(level)
  if(internal)
    set(type STATIC)
    set(level ${soragrad_quick_level})
  else()
    set_property(GLOBAL APPEND PROPERTY SORAGRAD_LAYERS ${name})
  endif()
  add_library(soragrad_${name} ${type} ${sources})
  add_library(soragrad::${name} ALIAS soragrad_${name})
  set_target_properties(soragrad_${name} PROPERTIES
    EXPORT_NAME ${name} SORAGRAD_LINK "${link}" SORAGRAD_PRIVATE "${private}")
  target_include_directories(soragrad_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(soragrad_${name} PUBLIC cxx_std_20)
  target_compile_options(soragrad_${name} PRIVATE ${level})
  target_link_libraries(soragrad_${name} PUBLIC ${link}
    PRIVATE ${private} $<BUILD_INTERFACE:soragrad_options>)
  soragrad_compile_together(soragrad_${name} ${name})
  if(internal)
    target_precompile_headers(soragrad_${name} REUSE_FROM precompiled_program)
  else()
    soragrad_reuse_precompiled(soragrad_${name} ${private})
  endif()
  get_target_property(type soragrad_${name} TYPE)
  if(type STREQUAL "SHARED_LIBRARY")
    soragrad_share(${name})
  endif()
endfunction()

# SORAGRAD_TOGETHER: g++ is given all sources of a layer as one. That takes less time in all, and more
# after the change of a single source. Not those that tests/cuda_emulation compiles once more, and
# not the families, whose parts have equal names.
option(SORAGRAD_TOGETHER "Compile the sources of each upper layer as one" OFF)
function(soragrad_compile_together target layer)
  if(SORAGRAD_TOGETHER AND layer MATCHES "^(autograd|nn|models|sora|data|train|cli)$")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    foreach(source nn/optim/optimizer sora/baselines/rank_allocator train/loop/nccl
        models/bert models/roberta models/deberta_v3)
      set_source_files_properties(${PROJECT_SOURCE_DIR}/${source}.cpp
        PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
  endif()
endfunction()

# The minor version is in the name that programs load: it may change the interface before 1.0.
# Exports are the library's own names alone (exports.map), so that what headers of other projects
# instantiate in here never replaces a program's own copy of another version.
function(soragrad_share name)
  set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  set_target_properties(soragrad_${name} PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} DEFINE_SYMBOL "" INSTALL_RPATH $ORIGIN
    LINK_DEPENDS ${exports})
  target_link_options(soragrad_${name} PRIVATE -Wl,--version-script=${exports})
endfunction()

# soragrad_call_kernels(TARGET...): these include core/kernels/, whose table of devices depends on
# CUDA; check_arrows.sh keeps it from all others. They compile alike with CUDA and without, so a build
# folder that is configured for CUDA afterwards keeps them.
function(soragrad_call_kernels)
  if(SORAGRAD_CUDA)
    foreach(target ${ARGN})
      target_compile_definitions(${target} PRIVATE SORAGRAD_WITH_CUDA)
    endforeach()
  endif()
endfunction()

function(soragrad_program name main)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${main})
    return()
  endif()
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} soragrad_options)
  if(BUILD_SHARED_LIBS)
    file(RELATIVE_PATH libraries /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(${name} PROPERTIES INSTALL_RPATH $ORIGIN/${libraries})
  endif()
  set_property(GLOBAL APPEND PROPERTY SORAGRAD_PROGRAMS ${name})
endfunction()

# SPDX-License-Identifier: Apache-2.0
