# The real cuDNN makes the plans of core/kernels/linear/cudnn_plan.cu, which needs neither a GPU nor
# nvcc: the device is described in text, and driver.cpp stands in for libcuda.so.1. NVRTC, which
# compiles the kernels, is real too.
if(NOT SORAGRAD_HAS_CUDNN OR SORAGRAD_SANITIZE)
  script_test(cudnn_plans cudnn_plans/skipped.cmake)
  return()
endif()
add_library(cudnn_driver SHARED ${CMAKE_CURRENT_LIST_DIR}/driver.cpp)
set_target_properties(cudnn_driver PROPERTIES OUTPUT_NAME cuda SOVERSION 1
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/driver)
target_link_libraries(cudnn_driver PRIVATE ${CMAKE_DL_LIBS})
set(plan ${PROJECT_SOURCE_DIR}/core/kernels/linear/cudnn_plan.cu
  ${PROJECT_SOURCE_DIR}/core/kernels/linear/cudnn_library.cu)
set_source_files_properties(${plan} PROPERTIES LANGUAGE CXX)
add_executable(test_cudnn_plans ${CMAKE_CURRENT_LIST_DIR}/plans_test.cpp ${plan})
target_include_directories(test_cudnn_plans SYSTEM PRIVATE ${cuDNN__cudnn_INCLUDE_DIR}
  ${CUDAToolkit_INCLUDE_DIRS} /usr/local/cuda/include)
target_link_libraries(test_cudnn_plans PRIVATE test_main soragrad_core soragrad_options ${CMAKE_DL_LIBS})
set_target_properties(test_cudnn_plans PROPERTIES BUILD_RPATH ${soragrad_cudnn_folder})
add_dependencies(test_cudnn_plans cudnn_driver)
add_test(NAME cudnn_plans COMMAND test_cudnn_plans)
set_tests_properties(cudnn_plans PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
  ENVIRONMENT_MODIFICATION
    "LD_LIBRARY_PATH=path_list_prepend:${CMAKE_CURRENT_BINARY_DIR}/driver")

# SPDX-License-Identifier: Apache-2.0
