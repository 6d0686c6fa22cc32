# The data of the examples are what their generators write, byte for byte.
find_program(python python3)
if(NOT python)
  message("SKIPPED: no python3 to run examples/quickstart/make_data.py")
  return()
endif()
foreach(example quickstart quickstart/acceptability)
  set(fresh ${BUILD}/tests/data_of/${example})
  file(REMOVE_RECURSE ${fresh})
  execute_process(COMMAND ${python} -B ${SOURCE}/examples/${example}/make_data.py ${fresh}
    COMMAND_ERROR_IS_FATAL ANY)
  foreach(file train dev test)
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${fresh}/CoLA/${file}.tsv
      ${SOURCE}/examples/${example}/data/CoLA/${file}.tsv RESULT_VARIABLE differs)
    if(differs)
      message(FATAL_ERROR
        "examples/${example}/data/CoLA/${file}.tsv is not what make_data.py writes.")
    endif()
  endforeach()
endforeach()

# SPDX-License-Identifier: Apache-2.0
