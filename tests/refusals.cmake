# What cannot work is refused before the work begins; see refusals.sh.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/refusals.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/refusals COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
