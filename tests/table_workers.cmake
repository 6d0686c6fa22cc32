# A grid shared by workers gives the table of a single process, whatever happens to the workers.
find_program(bash bash REQUIRED)
set(steps 12)
if(SANITIZE)
  set(steps 8)  # each takes far longer
endif()
execute_process(COMMAND ${bash} ${SOURCE}/tests/table_workers.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/table_workers ${steps} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
