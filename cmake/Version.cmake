# The version and commit that `soragrad --version` names, found when configuring.
set(commit unknown)
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} rev-parse --show-toplevel
    OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(top STREQUAL PROJECT_SOURCE_DIR)
    execute_process(
      COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} describe --always --dirty --abbrev=12
      OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(described)
      set(commit ${described})
    endif()
  endif()
endif()
set_source_files_properties(cli/version.cpp PROPERTIES COMPILE_DEFINITIONS
  "SORAGRAD_VERSION=\"${PROJECT_VERSION}\";SORAGRAD_COMMIT=\"${commit}\"")

# SPDX-License-Identifier: Apache-2.0
