# The tests collect the messages of the errors that they meet; the test `messages`, after them, checks
# the list.
add_library(message_shim MODULE messages/shim.cpp)
target_link_libraries(message_shim PRIVATE ${CMAKE_DL_LIBS})
target_compile_features(message_shim PRIVATE cxx_std_20)
set(folder ${CMAKE_CURRENT_BINARY_DIR}/messages)
file(MAKE_DIRECTORY ${folder})
get_property(collecting DIRECTORY PROPERTY TESTS)
list(FILTER collecting INCLUDE REGEX
  "^((core|autograd|nn|models|sora|data|train|cli)/.*|refusals|command_line|hostile_files)$")
set_property(TEST ${collecting} APPEND PROPERTY ENVIRONMENT
  LD_PRELOAD=$<TARGET_FILE:message_shim> SORAGRAD_MESSAGES=${folder}/thrown.txt)
add_test(NAME messages COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/messages/messages.sh ${folder})
set_tests_properties(messages PROPERTIES DEPENDS "${collecting}"
  SKIP_REGULAR_EXPRESSION "SKIPPED: ")

# SPDX-License-Identifier: Apache-2.0
