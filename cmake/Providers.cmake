# The matrix libraries behind backend/cpu/gemm: oneDNN, a CBLAS, and our plain one, which needs nothing.
add_library(wudao_providers INTERFACE)

if(WUDAO_ONEDNN)
  set(CMAKE_POLICY_VERSION_MINIMUM 3.5)  # the package's own files name a CMake that CMake 4 no longer knows
  find_package(dnnl CONFIG)
  unset(CMAKE_POLICY_VERSION_MINIMUM)
endif()
set(WUDAO_HAVE_ONEDNN ${dnnl_FOUND})
if(WUDAO_ONEDNN AND dnnl_FOUND)
  # libgomp is already there as libdnnl's own; it is named because we ask it for one thread per call.
  target_link_libraries(wudao_providers INTERFACE DNNL::dnnl gomp)
  target_compile_definitions(wudao_providers INTERFACE WUDAO_WITH_ONEDNN)
  message(STATUS "Matrix products: oneDNN ${dnnl_VERSION} (${dnnl_DIR})")
else()
  set(WUDAO_HAVE_ONEDNN OFF)
endif()

# PyPI's scipy-openblas32 adds a prefix to every symbol; Debian's libopenblas does not.
function(wudao_find_cblas)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c
            "import scipy_openblas32 as b; print(b.get_include_dir(), b.get_lib_dir(), b.get_library(), sep=';')"
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(found AND NOT WUDAO_CBLAS_SYSTEM)
    list(GET found 0 include)
    list(GET found 1 folder)
    list(GET found 2 name)
    find_library(WUDAO_CBLAS_LIBRARY NAMES ${name} PATHS "${folder}" NO_DEFAULT_PATH REQUIRED)
    target_compile_definitions(wudao_providers INTERFACE WUDAO_CBLAS_PREFIX=scipy_)
  else()
    find_path(include NAMES cblas.h PATH_SUFFIXES openblas NO_CACHE)
    find_library(WUDAO_CBLAS_LIBRARY NAMES openblas)
  endif()
  if(include AND WUDAO_CBLAS_LIBRARY)
    target_include_directories(wudao_providers SYSTEM INTERFACE "${include}")
    target_link_libraries(wudao_providers INTERFACE "${WUDAO_CBLAS_LIBRARY}")
    target_compile_definitions(wudao_providers INTERFACE WUDAO_WITH_CBLAS)
    set(WUDAO_HAVE_CBLAS ON PARENT_SCOPE)
    message(STATUS "Matrix products: CBLAS (${WUDAO_CBLAS_LIBRARY})")
  elseif(WUDAO_CBLAS STREQUAL "ON")
    message(FATAL_ERROR "WUDAO_CBLAS: expected a CBLAS, found none. Install PyPI's scipy-openblas32 or Debian's libopenblas-dev.")
  endif()
endfunction()

option(WUDAO_CBLAS_SYSTEM "Take the system's OpenBLAS even where scipy-openblas32 is installed" OFF)
set(WUDAO_HAVE_CBLAS OFF)
if(WUDAO_CBLAS STREQUAL "ON" OR (WUDAO_CBLAS STREQUAL "auto" AND NOT WUDAO_HAVE_ONEDNN))
  wudao_find_cblas()
endif()
if(NOT WUDAO_HAVE_ONEDNN AND NOT WUDAO_HAVE_CBLAS)
  message(STATUS "Matrix products: plain (neither oneDNN nor a CBLAS)")
endif()
