# The table of ops, one or more rows for each op. test_autograd and every other program that walks over
# the table links it.
file(GLOB op_case_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/op_cases.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/op_cases/*.cpp)
foreach(program test_autograd test_models)
  target_sources(${program} PRIVATE ${op_case_sources})
endforeach()

# SPDX-License-Identifier: Apache-2.0
