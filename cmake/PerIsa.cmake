# wudao_add_per_isa(<sources>): compiles each file once per instruction set, all that it defines inside wudao::<isa>.
# Sets WUDAO_ISA_OBJECTS for the engine. A machine runs only the levels that it has; base/cpu_level.h chooses. The
# generated levels.def calls LEVEL(namespace, enumerator) for each that is compiled.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(WUDAO_ISA_LEVELS baseline avx2 avx512 avx512_vnni avx512_bf16)
  set(WUDAO_ISA_NAME_baseline kBaseline)
  set(WUDAO_ISA_FLAGS_baseline -march=x86-64-v2)
  set(WUDAO_ISA_NAME_avx2 kAvx2)
  set(WUDAO_ISA_FLAGS_avx2 -march=x86-64-v3)
  set(WUDAO_ISA_NAME_avx512 kAvx512)
  set(WUDAO_ISA_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  set(WUDAO_ISA_NAME_avx512_vnni kAvx512Vnni)
  set(WUDAO_ISA_FLAGS_avx512_vnni ${WUDAO_ISA_FLAGS_avx512} -mavx512vnni)
  set(WUDAO_ISA_NAME_avx512_bf16 kAvx512Bf16)
  set(WUDAO_ISA_FLAGS_avx512_bf16 ${WUDAO_ISA_FLAGS_avx512_vnni} -mavx512bf16)
else()
  set(WUDAO_ISA_LEVELS neon)  # every aarch64 has it: it is the baseline too
  set(WUDAO_ISA_NAME_neon kNeon)
  set(WUDAO_ISA_FLAGS_neon "")
endif()
if(WUDAO_SANITIZE)
  # These two share their code with the level above them; an instrumented one takes a minute to compile.
  list(REMOVE_ITEM WUDAO_ISA_LEVELS avx512 avx512_vnni)
endif()

set(calls "")
foreach(level IN LISTS WUDAO_ISA_LEVELS)
  string(APPEND calls "LEVEL(${level}, ${WUDAO_ISA_NAME_${level}})\n")
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/levels.def" CONTENT "${calls}")

function(wudao_add_per_isa)
  set(objects "")
  set(optimise $<$<CONFIG:Debug>:-O2>)
  if(WUDAO_SANITIZE)
    set(optimise -O1)  # with its checks compiled in, -O2 takes four times as long to compile and finds no more
  endif()
  foreach(level IN LISTS WUDAO_ISA_LEVELS)
    add_library(wudao_kernels_${level} OBJECT ${ARGN})
    target_link_libraries(wudao_kernels_${level} PRIVATE wudao_flags)
    target_compile_definitions(wudao_kernels_${level} PRIVATE WUDAO_ISA=${level})
    # Inline functions of the standard library must vanish into their callers even in a debug build: an emitted copy is
    # a weak symbol, and the linker could hand the AVX-512 one to everybody.
    # Wide vectors pass between inlined functions of one level only, so their calling convention does not matter.
    target_compile_options(wudao_kernels_${level} PRIVATE -Wno-psabi ${WUDAO_ISA_FLAGS_${level}} -ffp-contract=fast ${optimise})
    list(APPEND objects $<TARGET_OBJECTS:wudao_kernels_${level}>)
  endforeach()
  set(WUDAO_ISA_OBJECTS "${objects}" PARENT_SCOPE)
endfunction()
