# A run that is killed without warning and resumed ends with the same bits as an undisturbed one.
find_program(bash bash REQUIRED)
set(steps 200)
if(SANITIZE)
  set(steps 60)  # each takes far longer
endif()
execute_process(COMMAND ${bash} ${SOURCE}/tests/kill_and_resume.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/kill_and_resume ${steps} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
