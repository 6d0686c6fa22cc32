# A grid of runs gives the same table whether it is done at once, killed and continued, or shared.
find_program(bash bash REQUIRED)
set(steps 16)
if(SANITIZE)
  set(steps 8)  # each takes far longer
endif()
execute_process(COMMAND ${bash} ${SOURCE}/tests/table_grid.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/table_grid ${steps} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
