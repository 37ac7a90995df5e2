# The engine: all of cpp/wudao as one static library. A new file or folder is picked up by itself.
file(GLOB_RECURSE WUDAO_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/wudao/*.cpp")
file(GLOB WUDAO_ISA_SOURCES CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/cpp/wudao/backend/cpu/kernels/*.cpp"
     "${PROJECT_SOURCE_DIR}/cpp/wudao/backend/cpu/gemm/plain/*.cpp")
if(WUDAO_ISA_SOURCES)
  list(REMOVE_ITEM WUDAO_SOURCES ${WUDAO_ISA_SOURCES})
  wudao_add_per_isa(${WUDAO_ISA_SOURCES})
endif()
# A plugin is a library of its own.
list(FILTER WUDAO_SOURCES EXCLUDE REGEX "/comm/mpi/plugin/")
# A provider's files are compiled only where its library is.
if(NOT WUDAO_HAVE_ONEDNN)
  list(FILTER WUDAO_SOURCES EXCLUDE REGEX "/gemm/onednn[^/]*\\.cpp$")
endif()
if(NOT WUDAO_HAVE_CBLAS)
  list(FILTER WUDAO_SOURCES EXCLUDE REGEX "/gemm/cblas[^/]*\\.cpp$")
endif()

add_library(wudao_engine STATIC ${WUDAO_SOURCES} ${WUDAO_ISA_OBJECTS})
target_include_directories(wudao_engine PRIVATE "${PROJECT_BINARY_DIR}/generated")
target_link_libraries(wudao_engine PUBLIC wudao_flags wudao_providers PRIVATE $<BUILD_INTERFACE:wudao_neutral_flags>)
