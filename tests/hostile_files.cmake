# Runs the program on damaged and hostile files of every kind: each must end with exit code 1 and one
# line.
find_program(bash bash REQUIRED)
if(SANITIZE)
  set(limit no-limit)
endif()
execute_process(COMMAND ${bash} ${SOURCE}/tests/hostile_files.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${SOURCE}/tests/golden/checkpoint ${BUILD}/tests/hostile_files
  ${limit} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
