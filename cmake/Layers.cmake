# soragrad_layer(NAME LINK ...): the static library soragrad_NAME of all sources below NAME/.
# soragrad_program(NAME MAIN LINK ...): an executable.

add_library(soragrad_options INTERFACE)
target_compile_options(soragrad_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers
    -fopenmp-simd -fno-math-errno -fno-trapping-math>)  # what vectorising a plain loop needs
if(SORAGRAD_SANITIZE)
  target_compile_options(soragrad_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined -fno-sanitize-recover=undefined
      -fno-omit-frame-pointer>)
  target_link_options(soragrad_options INTERFACE -fsanitize=address,undefined)
endif()

function(soragrad_layer name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/cli/main.cpp$")
  if(NOT sources)
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
    file(TOUCH ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
  endif()
  add_library(soragrad_${name} STATIC ${sources})
  add_library(soragrad::${name} ALIAS soragrad_${name})
  set_target_properties(soragrad_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(soragrad_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/soragrad>)
  target_compile_features(soragrad_${name} PUBLIC cxx_std_20)
  target_link_libraries(soragrad_${name} PUBLIC ${ARG_LINK}
    PRIVATE $<BUILD_INTERFACE:soragrad_options>)
  set_property(GLOBAL APPEND PROPERTY SORAGRAD_LAYERS soragrad_${name})
endfunction()

function(soragrad_program name main)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${main})
    return()
  endif()
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} soragrad_options)
  set_property(GLOBAL APPEND PROPERTY SORAGRAD_PROGRAMS ${name})
endfunction()
