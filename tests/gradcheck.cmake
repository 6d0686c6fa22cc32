# test_gradcheck: the table of ops compiled once more with real = double. FOLDER/gradcheck_test.cpp
# compare every gradient with differences; the models' goldens are compared too.

set(soragrad_double_level $<$<CONFIG:Release>:-O1>)  # builds faster
# All of them compile with core's OpenMP: what a layer links, it hands on.
soragrad_precompile(precompiled_double OPTIONS -fPIC -fopenmp ${soragrad_double_level})

# soragrad_double_layer(NAME): the sources and links of soragrad_NAME with SORAGRAD_REAL_DOUBLE, as
# soragrad_NAME_double.
function(soragrad_double_layer name)
  get_target_property(sources soragrad_${name} SOURCES)
  list(FILTER sources EXCLUDE REGEX "[.]cu$")
  get_target_property(links soragrad_${name} SORAGRAD_LINK)
  get_target_property(private soragrad_${name} SORAGRAD_PRIVATE)
  list(APPEND links ${private})
  list(TRANSFORM links REPLACE "^(soragrad_.*)$" "\\1_double")
  add_library(soragrad_${name}_double STATIC EXCLUDE_FROM_ALL ${sources})
  target_compile_definitions(soragrad_${name}_double PUBLIC SORAGRAD_REAL_DOUBLE)
  target_include_directories(soragrad_${name}_double PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_features(soragrad_${name}_double PUBLIC cxx_std_20)
  target_compile_options(soragrad_${name}_double PRIVATE ${soragrad_double_level})
  target_link_libraries(soragrad_${name}_double PUBLIC ${links} PRIVATE soragrad_options)
  target_precompile_headers(soragrad_${name}_double REUSE_FROM precompiled_double)
  soragrad_compile_together(soragrad_${name}_double ${name})
endfunction()
foreach(layer core autograd nn models sora)
  soragrad_double_layer(${layer})
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/gradcheck_test.cpp)
add_executable(test_gradcheck ${sources} ${CMAKE_CURRENT_SOURCE_DIR}/autograd/op_cases_test.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/models/golden_test.cpp ${op_case_sources})
target_link_libraries(test_gradcheck PRIVATE test_main soragrad_models_double soragrad_sora_double
  soragrad_options)
target_compile_definitions(test_gradcheck PRIVATE SORAGRAD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
add_test(NAME gradcheck COMMAND test_gradcheck --source-file-exclude=*golden_test.cpp)
add_test(NAME golden_double COMMAND test_gradcheck --source-file=*golden_test.cpp)
set_tests_properties(gradcheck golden_double PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)

# SPDX-License-Identifier: Apache-2.0
