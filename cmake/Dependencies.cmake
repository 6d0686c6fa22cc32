# What the library links, found by CMake package where every distribution ships one, else by a header.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(CURL REQUIRED)

# plain_library(TARGET HEADER LIBRARY): an imported target from a header and a library alone.
function(plain_library target header library)
  string(MAKE_C_IDENTIFIER ${target} id)
  find_path(${id}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${id}_LIBRARY ${library} REQUIRED)
  if(NOT TARGET ${target})
    add_library(${target} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES
      IMPORTED_LOCATION ${${id}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${id}_INCLUDE_DIR})
  endif()
endfunction()
# Debian 12's dnnl-config.cmake asks for OpenCL, which its package does not bring.
plain_library(DNNL::dnnl oneapi/dnnl/dnnl.hpp dnnl)
plain_library(hwy::hwy hwy/highway.h hwy)
plain_library(libzip::zip zip.h zip)
plain_library(ICU::uc unicode/uchar.h icuuc)

# yaml-cpp 0.7 names its target yaml-cpp, 0.8 yaml-cpp::yaml-cpp.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
