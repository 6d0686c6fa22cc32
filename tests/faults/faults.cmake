# One failing system call in every verb that writes ends with one line and can be repeated.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/faults/faults.sh ${BUILD}/soragrad ${SHIM}
  ${SOURCE}/examples/quickstart ${BUILD}/tests/faults ${SANITIZE} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
