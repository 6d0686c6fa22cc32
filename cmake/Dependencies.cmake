# What the library links, found by CMake package where Debian ships one and by pkg-config elsewhere.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(dnnl REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)

# pkg_config_target(ALIAS MODULE): an imported target from a pkg-config module.
function(pkg_config_target alias module)
  string(MAKE_C_IDENTIFIER ${alias} id)
  pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  if(NOT TARGET ${alias})
    add_library(${alias} ALIAS PkgConfig::${id})
  endif()
endfunction()
pkg_config_target(hwy::hwy libhwy)
pkg_config_target(PCRE2::8BIT libpcre2-8)
pkg_config_target(libzip::zip libzip)
pkg_config_target(ICU::uc icu-uc)

# Not by pkg-config: Debian 13's sentencepiece.pc wants protobuf's, which its package does not bring.
find_path(SENTENCEPIECE_INCLUDE_DIR sentencepiece_processor.h REQUIRED)
find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
if(NOT TARGET sentencepiece::sentencepiece)
  add_library(sentencepiece::sentencepiece UNKNOWN IMPORTED GLOBAL)
  set_target_properties(sentencepiece::sentencepiece PROPERTIES
    IMPORTED_LOCATION ${SENTENCEPIECE_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${SENTENCEPIECE_INCLUDE_DIR})
endif()

# yaml-cpp 0.7 names its target yaml-cpp, 0.8 yaml-cpp::yaml-cpp.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
