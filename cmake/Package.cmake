# cpack: two Debian packages and one .tar.gz of everything.
#   soragrad          the program, and the libraries if they are shared
#   libsoragrad-dev   headers, link libraries, CMake package, pkg-config file
# A .deb suits the Debian or Ubuntu release that it was built on: dpkg-shlibdeps names that release's
# versions of the libraries.
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_VENDOR "The soragrad authors")
set(CPACK_PACKAGE_CONTACT "The soragrad authors <noreply@soragrad.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL program development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME soragrad)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
list(JOIN debs ", " debs)
if(BUILD_SHARED_LIBS)
  string(PREPEND debs "soragrad (= ${PROJECT_VERSION}), ")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsoragrad-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${debs}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
include(CPack)

# SPDX-License-Identifier: Apache-2.0
