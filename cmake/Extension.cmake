# The extension wudao_rt._core. A cpp/bindings/<family>.cpp that binds something defines bind_<family>; module.cpp calls
# them all.
file(GLOB WUDAO_BINDINGS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/bindings/*.cpp")
set(calls "")
foreach(file IN LISTS WUDAO_BINDINGS)
  get_filename_component(family "${file}" NAME_WE)
  file(STRINGS "${file}" binds REGEX "^void bind_${family}\\(")
  if(binds)
    string(APPEND calls "WUDAO_FAMILY(${family})\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/families.def" CONTENT "${calls}")

pybind11_add_module(_core NO_EXTRAS ${WUDAO_BINDINGS})  # no link-time optimisation: it would mix instruction sets
target_include_directories(_core PRIVATE "${PROJECT_BINARY_DIR}/generated")
target_link_libraries(_core PRIVATE wudao_engine $<BUILD_INTERFACE:wudao_neutral_flags>)
target_compile_definitions(
  _core PRIVATE WUDAO_VERSION="${PROJECT_VERSION}" WUDAO_COMPILER="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
target_link_options(_core PRIVATE -Wl,--exclude-libs,ALL)

# libdnnl lies in the environment's lib/: three folders above site-packages/wudao_rt, or beside it after --target.
set_target_properties(_core PROPERTIES INSTALL_RPATH "$ORIGIN/../../..;$ORIGIN/../lib")
install(TARGETS _core DESTINATION wudao_rt)

# A build tree that can be imported: PYTHONPATH=build/<preset>/python. Python files are links to the sources.
set(WUDAO_TREE "${PROJECT_BINARY_DIR}/python/wudao_rt")
set_target_properties(_core PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${WUDAO_TREE}")
if(NOT SKBUILD)
  file(MAKE_DIRECTORY "${WUDAO_TREE}")
  file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES true RELATIVE "${PROJECT_SOURCE_DIR}/python/wudao_rt"
       "${PROJECT_SOURCE_DIR}/python/wudao_rt/*")
  file(GLOB old LIST_DIRECTORIES true "${WUDAO_TREE}/*")
  foreach(link IN LISTS old)
    if(IS_SYMLINK "${link}")
      file(REMOVE "${link}")
    endif()
  endforeach()
  list(FILTER entries EXCLUDE REGEX "__pycache__|\\.so$")
  foreach(entry IN LISTS entries)
    file(CREATE_LINK "${PROJECT_SOURCE_DIR}/python/wudao_rt/${entry}" "${WUDAO_TREE}/${entry}" SYMBOLIC)
  endforeach()
endif()
