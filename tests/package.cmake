# cpack makes the Debian packages and the archive, with the libraries that dpkg-shlibdeps finds. Unpacked
# into an empty folder, the program runs and an example builds.
find_program(dpkg_deb dpkg-deb)
find_program(dpkg_shlibdeps dpkg-shlibdeps)
if(NOT dpkg_deb OR NOT dpkg_shlibdeps OR CARRIED)
  message("SKIPPED: dpkg-dev is not installed, or the libraries are carried")
  return()
endif()
set(work ${BUILD}/tests/package)
file(REMOVE_RECURSE ${work})
get_filename_component(bin ${CMAKE_COMMAND} DIRECTORY)
execute_process(COMMAND ${bin}/cpack --config ${BUILD}/CPackConfig.cmake -B ${work}
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

file(GLOB program ${work}/soragrad_0.2.*.deb)
file(GLOB development ${work}/libsoragrad-dev_0.2.*.deb)
file(GLOB archive ${work}/soragrad-0.2.*.tar.gz)
foreach(file program development archive)
  list(LENGTH ${file} count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "cpack made ${count} files for ${file}.")
  endif()
endforeach()
foreach(package program development)
  execute_process(COMMAND ${dpkg_deb} -f ${${package}} Depends OUTPUT_VARIABLE ${package}_depends
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${dpkg_deb} -x ${${package}} ${work}/unpacked COMMAND_ERROR_IS_FATAL ANY)
endforeach()
# dpkg refuses to install two packages that have a file in common.
execute_process(COMMAND ${dpkg_deb} -c ${program} OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[.]/[^\n]*[^/\n]\n" program_files "${listing}")
execute_process(COMMAND ${dpkg_deb} -c ${development} OUTPUT_VARIABLE listing
  COMMAND_ERROR_IS_FATAL ANY)
list(LENGTH program_files count)
if(count LESS 3)
  message(FATAL_ERROR "soragrad has ${count} files only.")
endif()
foreach(file ${program_files})
  string(FIND "${listing}" " ${file}" at)
  if(NOT at EQUAL -1)
    message(FATAL_ERROR "Both packages have ${file}")
  endif()
endforeach()

if(NOT program_depends MATCHES "libc6.*libfmt[0-9]+" OR NOT program_depends MATCHES "libdnnl[0-9]")
  message(FATAL_ERROR "soragrad depends on: ${program_depends}")
endif()
if(NOT development_depends MATCHES "libfmt-dev")
  message(FATAL_ERROR "libsoragrad-dev depends on: ${development_depends}")
endif()
execute_process(COMMAND ${work}/unpacked/usr/bin/soragrad --version
  OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
if(NOT version MATCHES "^soragrad 0[.]2[.]")
  message(FATAL_ERROR "The packaged program is: ${version}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE}/tests/install/components -B ${work}/components
  -G Ninja -DCMAKE_PREFIX_PATH=${work}/unpacked/usr OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${work}/components OUTPUT_QUIET
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${work}/components/tape OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
if(NOT output STREQUAL "tensor([6], shape=(1), F32, cpu)\n")
  message(FATAL_ERROR "A program on the packaged library prints: ${output}")
endif()

# SPDX-License-Identifier: Apache-2.0
