# clang-tidy finds nothing in the library's sources and public headers; cmake/tidy.sh.
find_program(clang_tidy clang-tidy)
find_program(bash bash REQUIRED)
if(NOT clang_tidy)
  message("SKIPPED: clang-tidy is not installed")
  return()
endif()
execute_process(COMMAND ${bash} ${SOURCE}/cmake/tidy.sh ${BUILD} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
