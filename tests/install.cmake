# The installed package serves a project of its own: install, find_package(soragrad), build, run.
# LIBRARIES and LINK_FLAGS: where the libraries are, if not in the system's folders.
set(prefix ${BUILD}/tests/install/prefix)
set(example ${BUILD}/tests/install/example)
file(REMOVE_RECURSE ${BUILD}/tests/install)
set(flags)
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=address,undefined)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix}
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE}/examples/standalone -B ${example} -G Ninja
  "-DCMAKE_PREFIX_PATH=${prefix};${LIBRARIES}" -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
  -DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS} ${flags}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${example} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${example}/standalone ${SOURCE}/examples/quickstart/model
  OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
message("${output}")
if(NOT output MATCHES "step  60  loss [0-9.]+  right [0-9]/8  gates at zero [1-9][0-9]?%")
  message(FATAL_ERROR "The standalone trainer does not reach its last step with some gates at zero.")
endif()
