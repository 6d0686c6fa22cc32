# A run that is interrupted at any moment continues to the same bits. SORAGRAD_INTERRUPTIONS=400 in
# the environment tries more moments than the few of every day.
find_program(bash bash REQUIRED)
set(count 24)
if(SANITIZE)
  set(count 6)  # each takes far longer
endif()
if(DEFINED ENV{SORAGRAD_INTERRUPTIONS})
  set(count $ENV{SORAGRAD_INTERRUPTIONS})
endif()
execute_process(COMMAND ${bash} ${SOURCE}/tests/interruptions.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/interruptions ${count} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
