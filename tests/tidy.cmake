# clang-tidy finds nothing in the public headers and in the sources that changed last; cmake/tidy.sh.
find_program(clang_tidy clang-tidy)
find_program(bash bash REQUIRED)
if(NOT clang_tidy OR NOT EXISTS ${SOURCE}/.git)
  message("SKIPPED: clang-tidy or the repository is missing")
  return()
endif()
execute_process(COMMAND ${bash} ${SOURCE}/cmake/tidy.sh ${BUILD} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
