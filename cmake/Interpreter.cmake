# The Python that the extension is for, and pybind11 from its environment.
if(SKBUILD)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
else()
  set(Python_FIND_VIRTUALENV FIRST)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
  # Development environments hold pybind11 and the matrix libraries under their own prefix; pip names its build
  # environment to CMake by itself.
  execute_process(COMMAND "${Python_EXECUTABLE}" -c "import sys; print(sys.prefix)"
                  OUTPUT_VARIABLE WUDAO_PYTHON_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND CMAKE_PREFIX_PATH "${WUDAO_PYTHON_PREFIX}")
endif()
set(PYBIND11_FINDPYTHON ON)
if(NOT pybind11_DIR)
  execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
                  OUTPUT_VARIABLE pybind11_DIR OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
find_package(pybind11 3.0 CONFIG REQUIRED)
