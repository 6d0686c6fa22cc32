# The worked examples of docs/own_data.md run as they are printed.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/own_data.sh ${BUILD}/soragrad ${SOURCE}
  ${BUILD}/tests/own_data COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
