# Without a GPU, or without its driver, device=cuda ends with one line that names the reason.
set(ENV{CUDA_VISIBLE_DEVICES} "")  # hides those of this machine
execute_process(COMMAND ${BUILD}/soragrad train device=cuda model=none task=cola data=none
    output=${BUILD}/no_gpu_run
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error)
set(reason "the NVIDIA driver is missing|no NVIDIA GPU is visible|this build has no CUDA backend")
if(NOT status EQUAL 1 OR NOT error MATCHES "^[^\n]*cuda cannot be used: (${reason})[^\n]*\n$")
  message(FATAL_ERROR "device=cuda without a GPU: exit ${status}, stderr:\n${error}")
endif()

# SPDX-License-Identifier: Apache-2.0
