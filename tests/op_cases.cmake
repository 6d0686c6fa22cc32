# The table of ops: a row an op, for test_autograd and every other program that walks over it.
file(GLOB op_case_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/op_cases.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/op_cases/*.cpp)
target_sources(test_autograd PRIVATE ${op_case_sources})
