# One plugin for each ABI of MPI that has a fixed one. They link no MPI: its functions are found when it is opened. The
# source goes with the package, so that `wudao-rt mpi build` can compile it against any other MPI.
set(WUDAO_PLUGIN "${PROJECT_SOURCE_DIR}/cpp/wudao/comm/mpi/plugin")
foreach(abi mpich standard)
  add_library(wudao_mpi_${abi} MODULE "${WUDAO_PLUGIN}/plugin.cpp")
  target_link_libraries(wudao_mpi_${abi} PRIVATE wudao_flags wudao_neutral_flags)
  target_include_directories(wudao_mpi_${abi} PRIVATE "${PROJECT_SOURCE_DIR}/cpp/wudao/comm/mpi/abi/${abi}")
  set_target_properties(
    wudao_mpi_${abi} PROPERTIES PREFIX "" OUTPUT_NAME ${abi} LIBRARY_OUTPUT_DIRECTORY "${WUDAO_TREE}/mpi_plugins")
  install(TARGETS wudao_mpi_${abi} DESTINATION wudao_rt/mpi_plugins)
endforeach()
set(WUDAO_PLUGIN_SOURCE mpi_plugins/wudao/comm/mpi/plugin)
install(FILES "${WUDAO_PLUGIN}/plugin.h" "${WUDAO_PLUGIN}/plugin.cpp" DESTINATION wudao_rt/${WUDAO_PLUGIN_SOURCE})
if(NOT SKBUILD)
  foreach(file plugin.h plugin.cpp)
    file(MAKE_DIRECTORY "${WUDAO_TREE}/${WUDAO_PLUGIN_SOURCE}")
    file(CREATE_LINK "${WUDAO_PLUGIN}/${file}" "${WUDAO_TREE}/${WUDAO_PLUGIN_SOURCE}/${file}" SYMBOLIC)
  endforeach()
endif()
