# The API reference builds without a warning.
if(NOT EXISTS ${BUILD}/docs/Doxyfile)
  message("SKIPPED: doxygen is not installed")
  return()
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target docs
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${BUILD}/docs/warnings.txt warnings)
list(LENGTH warnings count)
if(count GREATER 0)
  list(JOIN warnings "\n" warnings)
  message(FATAL_ERROR "${count} warnings of doxygen:\n${warnings}")
endif()
file(GLOB pages ${BUILD}/docs/html/*_8h.html)
list(LENGTH pages count)
if(count LESS 40)
  message(FATAL_ERROR "The reference has pages of ${count} headers only.")
endif()

# SPDX-License-Identifier: Apache-2.0
