# What `cmake --install` and `cpack` bring: the program, the libraries of all layers but the internal
# ones, their public headers (install_headers.cmake), a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)
get_property(layers GLOBAL PROPERTY SORAGRAD_LAYERS)  # from core up
get_property(programs GLOBAL PROPERTY SORAGRAD_PROGRAMS)
list(TRANSFORM layers PREPEND soragrad_ OUTPUT_VARIABLE targets)

# For projects that bring soragrad with add_subdirectory(): the same names as installed.
add_library(soragrad_all INTERFACE)
add_library(soragrad::soragrad ALIAS soragrad_all)
target_link_libraries(soragrad_all INTERFACE ${targets})
target_include_directories(soragrad_all INTERFACE ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/soragrad SYMBOLIC)
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

install(TARGETS ${programs} RUNTIME COMPONENT program)
install(TARGETS ${targets} EXPORT soragradTargets
  LIBRARY COMPONENT program NAMELINK_COMPONENT development ARCHIVE COMPONENT development)
install(CODE "
  set(SOURCE \"${PROJECT_SOURCE_DIR}\")
  set(STAGE \"${PROJECT_BINARY_DIR}/installed_headers\")
  set(DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/soragrad\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake\")"
  COMPONENT development)
# Under the name of each Debian package: no file may be in both.
install(FILES LICENSE THIRD_PARTY.md DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/soragrad
  COMPONENT program)
install(FILES LICENSE THIRD_PARTY.md DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libsoragrad-dev
  COMPONENT development)

# Needs of each layer, for find_package(); flags for a linker, for pkg-config; Debian packages. A
# program that links shared libraries needs only what their headers include.
set(SORAGRAD_NEEDS "")
set(SORAGRAD_LIBS "")
set(flags "")
set(debs libc6-dev g++)
foreach(layer ${layers})
  get_target_property(needs soragrad_${layer} SORAGRAD_LINK)
  if(NOT BUILD_SHARED_LIBS)
    get_target_property(private soragrad_${layer} SORAGRAD_PRIVATE)
    list(APPEND needs ${private})
  endif()
  if(layer STREQUAL "core" AND SORAGRAD_CUDA)
    list(APPEND needs CUDA::cudart CUDA::cublasLt)
  endif()
  string(APPEND SORAGRAD_NEEDS "set(soragrad_needs_of_${layer} ${needs})\n")
  string(PREPEND SORAGRAD_LIBS " -lsoragrad_${layer}")
  foreach(need ${needs})
    get_property(flag GLOBAL PROPERTY "soragrad_FLAG_of_${need}")
    get_property(deb GLOBAL PROPERTY "soragrad_DEB_of_${need}")
    list(APPEND flags ${flag})
    list(APPEND debs ${deb})
  endforeach()
endforeach()
list(REMOVE_DUPLICATES flags)
list(REMOVE_DUPLICATES debs)
list(JOIN flags " " flags)
string(APPEND SORAGRAD_LIBS " ${flags}")
string(STRIP "${SORAGRAD_LIBS}" SORAGRAD_LIBS)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/soragrad)
install(EXPORT soragradTargets NAMESPACE soragrad:: DESTINATION ${package} COMPONENT development)
configure_package_config_file(cmake/soragradConfig.cmake.in
  ${PROJECT_BINARY_DIR}/soragradConfig.cmake INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/soragradConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/soragradConfig.cmake
  ${PROJECT_BINARY_DIR}/soragradConfigVersion.cmake cmake/Dependencies.cmake
  DESTINATION ${package} COMPONENT development)
file(RELATIVE_PATH SORAGRAD_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/soragrad.pc.in ${PROJECT_BINARY_DIR}/soragrad.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/soragrad.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

include(Package)

# SPDX-License-Identifier: Apache-2.0
