# Flags of every file of ours. They are kept on one interface target, so that libraries of others never see them.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")

find_program(WUDAO_CCACHE ccache)
if(WUDAO_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WUDAO_CCACHE}")
endif()

find_package(Threads REQUIRED)
add_library(wudao_flags INTERFACE)
target_include_directories(wudao_flags INTERFACE "${PROJECT_SOURCE_DIR}/cpp")
target_link_libraries(wudao_flags INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
# Never -ffast-math: sums have a fixed order. errno of mathematical functions is read by nobody.
target_compile_options(wudao_flags INTERFACE -Wall -Wextra -fno-math-errno)
if(WUDAO_WERROR)
  target_compile_options(wudao_flags INTERFACE -Werror)
endif()
if(WUDAO_SANITIZE)
  # GCC takes a vector that is filled lane by lane in instrumented code for one that was never set.
  target_compile_options(wudao_flags INTERFACE -Wno-maybe-uninitialized)
  target_compile_options(wudao_flags INTERFACE -fsanitize=${WUDAO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(wudao_flags INTERFACE -fsanitize=${WUDAO_SANITIZE})
endif()

# Files outside the kernels run on every machine of the family and round each operation by itself.
add_library(wudao_neutral_flags INTERFACE)
target_compile_options(wudao_neutral_flags INTERFACE -ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(wudao_neutral_flags INTERFACE -march=x86-64-v2)
endif()
