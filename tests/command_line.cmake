# Broken standard streams, advice for names of other programs, and the text of --help.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/command_line.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/command_line COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
