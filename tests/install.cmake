# The installed package serves projects of their own: tests/install/ and examples/ are built with
# find_package(soragrad) from a prefix, a file with pkg-config, and every example prints what the
# comment at its head shows. LIBRARIES and LINK_FLAGS: where the libraries are, if not in the system's
# folders.
set(work ${BUILD}/tests/install)
file(REMOVE_RECURSE ${work})
set(flags -G Ninja -DCMAKE_BUILD_TYPE=${BUILD_TYPE} "-DCMAKE_PREFIX_PATH=${work}/prefix;${LIBRARIES}"
  -DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS})
set(cxx_flags "-Wall -Wextra -Wpedantic -Werror")
if(SANITIZE)
  string(APPEND cxx_flags " -fsanitize=address,undefined")
endif()
list(APPEND flags "-DCMAKE_CXX_FLAGS=${cxx_flags}")
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

# build(SOURCE NAME): configures and builds a project against the prefix.
function(build source name)
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${source} -B ${work}/${name} ${flags}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${work}/${name}
    RESULT_VARIABLE status OUTPUT_VARIABLE output)
  if(status)
    message(FATAL_ERROR "${name} does not build:\n${output}")
  endif()
endfunction()

# expect_output(EXPECTED COMMAND...): runs it in examples/.
function(expect_output expected)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SOURCE}/examples
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error)
  if(status OR NOT output STREQUAL expected)
    message(FATAL_ERROR "${ARGN}: exit ${status}\n${error}expected:\n${expected}printed:\n${output}")
  endif()
endfunction()

build(${SOURCE}/tests/install/components components)
expect_output("tensor([6], shape=(1), F32, cpu)\n" ${work}/components/tape)

build(${SOURCE}/tests/install project)
expect_output("2\n[view] (3) has 3 elements, (2) has 2.\n" ${work}/project/two_files)

file(GLOB pc ${work}/prefix/lib*/pkgconfig ${work}/prefix/lib*/*/pkgconfig)
find_program(pkg_config pkg-config)
if(pkg_config AND NOT LIBRARIES AND NOT SANITIZE)
  set(ENV{PKG_CONFIG_PATH} ${pc})
  execute_process(COMMAND ${pkg_config} --cflags --libs "soragrad >= 0.2"
    OUTPUT_VARIABLE options OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(options UNIX_COMMAND "${options}")
  execute_process(COMMAND c++ -std=c++20 ${SOURCE}/tests/install/components/main.cpp
    -o ${work}/by_pkg_config ${options} COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "-L[^;]*" folder "${options}")
  string(SUBSTRING "${folder}" 2 -1 folder)
  expect_output("tensor([6], shape=(1), F32, cpu)\n"
    ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${folder} ${work}/by_pkg_config)
endif()

# The comment at the head of an example shows its command line and output:
#   //   $ ./NAME ARGUMENTS
#   //   OUTPUT
# to the first line that is not indented so.
build(${SOURCE}/examples examples)
file(GLOB examples ${SOURCE}/examples/*.cpp)
foreach(example ${examples})
  get_filename_component(name ${example} NAME_WE)
  file(READ ${example} text)
  string(REGEX MATCHALL "\n" lines "${text}")
  list(LENGTH lines lines)
  if(NOT text MATCHES "//   [$] [.]/${name}([^\n]*)\n((//   [^\n]*\n|//\n)+)" OR lines GREATER 120)
    message(FATAL_ERROR "${example}: ${lines} lines (at most 120), or no output at its head.")
  endif()
  separate_arguments(arguments UNIX_COMMAND "${CMAKE_MATCH_1}")
  string(REGEX REPLACE "//(   )?([^\n]*\n)" "\\2" expected "${CMAKE_MATCH_2}")
  string(REGEX REPLACE "\n+$" "\n" expected "${expected}")
  expect_output("${expected}" ${work}/examples/${name} ${arguments})
endforeach()

# SPDX-License-Identifier: Apache-2.0
