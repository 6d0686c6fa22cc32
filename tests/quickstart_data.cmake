# The quickstart's data is what its generator writes, byte for byte.
find_program(python python3)
if(NOT python)
  message("SKIPPED: no python3 to run examples/quickstart/make_data.py")
  return()
endif()
set(fresh ${BUILD}/tests/quickstart_data)
file(REMOVE_RECURSE ${fresh})
execute_process(COMMAND ${python} -B ${SOURCE}/examples/quickstart/make_data.py ${fresh}
  COMMAND_ERROR_IS_FATAL ANY)
foreach(file train dev test)
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${fresh}/CoLA/${file}.tsv
    ${SOURCE}/examples/quickstart/data/CoLA/${file}.tsv RESULT_VARIABLE differs)
  if(differs)
    message(FATAL_ERROR "examples/quickstart/data/CoLA/${file}.tsv is not what make_data.py writes.")
  endif()
endforeach()

# SPDX-License-Identifier: Apache-2.0
