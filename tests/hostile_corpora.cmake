# Pre-training on text that is none ends in a line, or counts what it could not read; see
# hostile_corpora.sh.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/hostile_corpora.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/hostile_corpora COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
