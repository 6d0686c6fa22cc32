# SCRIPT: mpi.sh or mpi_faults.sh, several processes of this build under mpirun.
find_program(bash bash REQUIRED)
execute_process(COMMAND ${bash} ${SOURCE}/tests/${SCRIPT}.sh ${BUILD}/soragrad
  ${SOURCE}/examples/quickstart ${BUILD}/tests/${SCRIPT} ${SHIM} COMMAND_ERROR_IS_FATAL ANY)

# SPDX-License-Identifier: Apache-2.0
