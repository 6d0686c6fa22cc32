# soragrad_cuda_code(CODE TEXT ARCHITECTURE...): what CMAKE_CUDA_ARCHITECTURES must be for these, and how
# `soragrad --version` names it. Each architecture gets machine code. The newest also comes as PTX, from
# which the driver makes code for newer GPUs. Architectures such as 90a have instructions that no other
# GPU has, and so does their PTX: they get none.
function(soragrad_cuda_code code text)
  set(architectures ${ARGN})
  list(SORT architectures COMPARE NATURAL)
  list(TRANSFORM architectures APPEND "-real" OUTPUT_VARIABLE result)
  list(JOIN architectures " " names)
  set(portable ${architectures})
  list(FILTER portable EXCLUDE REGEX "[a-z]$")
  if(portable)
    list(GET portable -1 newest)
    list(APPEND result "${newest}-virtual")
    string(APPEND names " (PTX ${newest})")
  else()
    string(APPEND names " (no PTX)")
  endif()
  set(${code} "${result}" PARENT_SCOPE)
  set(${text} "${names}" PARENT_SCOPE)
endfunction()

# SPDX-License-Identifier: Apache-2.0
