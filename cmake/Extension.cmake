# The extension wudao_rt._core. A file cpp/bindings/<family>.cpp may define bind_<family>; module.cpp calls them all.
file(GLOB WUDAO_BINDINGS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/bindings/*.cpp")
set(families "")
foreach(file IN LISTS WUDAO_BINDINGS)
  get_filename_component(family "${file}" NAME_WE)
  file(STRINGS "${file}" definition REGEX "^void bind_${family}\\(")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  if(definition)
    list(APPEND families ${family})
  endif()
endforeach()
# A class must be known before signatures that mention it, or the type stubs would show its C++ name.
set(first errors comm glm)
list(REMOVE_ITEM families ${first})
list(TRANSFORM families REPLACE "(.+)" "WUDAO_FAMILY(\\1)\n" OUTPUT_VARIABLE rest)
list(TRANSFORM first REPLACE "(.+)" "WUDAO_FAMILY(\\1)\n")
string(CONCAT calls ${first} ${rest})
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/families.def" CONTENT "${calls}")

pybind11_add_module(_core NO_EXTRAS ${WUDAO_BINDINGS})  # no link-time optimisation: it would mix instruction sets
target_include_directories(_core PRIVATE "${PROJECT_BINARY_DIR}/generated")
target_link_libraries(_core PRIVATE wudao_engine $<BUILD_INTERFACE:wudao_neutral_flags>)
target_compile_definitions(
  _core PRIVATE WUDAO_VERSION="${PROJECT_VERSION}" WUDAO_COMPILER="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
target_link_options(_core PRIVATE -Wl,--exclude-libs,ALL)
if(WUDAO_SANITIZE)
  # Checks of pybind11's templates for undefined behaviour take half of the time of these files, and tell of pybind11.
  set_source_files_properties(${WUDAO_BINDINGS} PROPERTIES COMPILE_OPTIONS "-O0;-fno-sanitize=undefined")
endif()

# libdnnl lies in the environment's lib/: three folders above site-packages/wudao_rt, or beside it after --target.
set_target_properties(_core PROPERTIES INSTALL_RPATH "$ORIGIN/../../..;$ORIGIN/../lib")
install(TARGETS _core DESTINATION wudao_rt)

# Type stubs, written by asking the extension itself. A sanitized one cannot be imported without its runtime.
if(NOT WUDAO_SANITIZE)
  add_custom_command(
    TARGET _core POST_BUILD
    COMMAND "${Python_EXECUTABLE}"
            "${PROJECT_SOURCE_DIR}/cmake/write_stub.py" "$<TARGET_FILE:_core>" "${PROJECT_BINARY_DIR}/_core.pyi"
    BYPRODUCTS "${PROJECT_BINARY_DIR}/_core.pyi" VERBATIM)
  install(FILES "${PROJECT_BINARY_DIR}/_core.pyi" DESTINATION wudao_rt)
endif()

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
