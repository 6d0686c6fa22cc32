# The installed package: find_package(soragrad) gives soragrad::soragrad, all layers but cli, with
# headers below include/soragrad so that #include "core/tensor.h" reads as it does here.
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY SORAGRAD_LAYERS)
list(REMOVE_ITEM layers soragrad_cli)
add_library(soragrad_all INTERFACE)
set_target_properties(soragrad_all PROPERTIES EXPORT_NAME soragrad)
target_link_libraries(soragrad_all INTERFACE ${layers})
install(TARGETS soragrad_all ${layers} EXPORT soragradTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

foreach(folder core autograd nn models sora data train)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/soragrad
    FILES_MATCHING PATTERN "*.h" PATTERN "*.inc")
endforeach()
get_property(programs GLOBAL PROPERTY SORAGRAD_PROGRAMS)
if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/soragrad)
install(EXPORT soragradTargets NAMESPACE soragrad:: DESTINATION ${package})
configure_package_config_file(cmake/soragradConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/soragradConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/soragradConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/soragradConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/soragradConfigVersion.cmake cmake/Dependencies.cmake
  DESTINATION ${package})
