# Which code is made for which architectures, and how it is called.
include(${SOURCE}/cmake/CudaArchitectures.cmake)

function(expect architectures code text)
  soragrad_cuda_code(actual_code actual_text ${architectures})
  if(NOT actual_code STREQUAL code OR NOT actual_text STREQUAL text)
    message(FATAL_ERROR "${architectures}: \"${actual_code}\", \"${actual_text}\"; expected \"${code}\", \"${text}\".")
  endif()
endfunction()
expect("100;80;90" "80-real;90-real;100-real;100-virtual" "80 90 100 (PTX 100)")
expect("90" "90-real;90-virtual" "90 (PTX 90)")
expect("90a" "90a-real" "90a (no PTX)")
expect("80;90a" "80-real;90a-real;80-virtual" "80 90a (PTX 80)")

# SPDX-License-Identifier: Apache-2.0
