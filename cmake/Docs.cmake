# Targets that read the sources: `docs` makes the API reference of the public headers, docs/html/ in the
# build folder, by doxygen; `tidy` runs clang-tidy over all sources.
find_program(DOXYGEN_EXECUTABLE doxygen)
mark_as_advanced(DOXYGEN_EXECUTABLE)
if(DOXYGEN_EXECUTABLE)
  set(DOCS_OUTPUT ${PROJECT_BINARY_DIR}/docs)
  set(DOCS_HEADERS ${DOCS_OUTPUT}/headers)
  file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/*/README.md ${PROJECT_SOURCE_DIR}/docs/*.md)
  list(JOIN pages " " pages)
  set(DOCS_INPUT "${DOCS_HEADERS} ${PROJECT_SOURCE_DIR}/CONTRIBUTING.md ${pages}")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/doxygen/Doxyfile.in ${DOCS_OUTPUT}/Doxyfile @ONLY)
  add_custom_target(docs
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DSTAGE=${DOCS_HEADERS}/soragrad
      -P ${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake
    COMMAND ${DOXYGEN_EXECUTABLE} ${DOCS_OUTPUT}/Doxyfile
    COMMENT "Building the API reference" VERBATIM)
endif()

find_program(CLANG_TIDY_EXECUTABLE clang-tidy)
mark_as_advanced(CLANG_TIDY_EXECUTABLE)
if(CLANG_TIDY_EXECUTABLE)
  add_custom_target(tidy COMMAND ${PROJECT_SOURCE_DIR}/cmake/tidy.sh ${PROJECT_BINARY_DIR}
    VERBATIM USES_TERMINAL)
endif()

# SPDX-License-Identifier: Apache-2.0
