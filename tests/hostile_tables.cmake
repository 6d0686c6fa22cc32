# Own data in damaged and hostile files ends with exit code 1 and one line; see hostile_tables.sh.
find_program(bash bash REQUIRED)
if(SANITIZE)
  set(limit no-limit)
endif()
execute_process(COMMAND ${bash} ${SOURCE}/tests/hostile_tables.sh ${BUILD}/soragrad
  ${SOURCE}/tests/golden/parquet ${BUILD}/tests/hostile_tables ${limit} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
