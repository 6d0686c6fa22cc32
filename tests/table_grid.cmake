# A grid of runs gives the same table whether it is done at once, killed and continued, or shared.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/table_grid.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/table_grid COMMAND_ERROR_IS_FATAL ANY)
