// What the engine is and what it chose on this machine.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "wudao/base/cpu_level.h"
#include "wudao/base/env.h"

namespace py = pybind11;

namespace {

py::list levels() {
  py::list out;
  for (const wudao::CpuLevel level : wudao::available_cpu_levels()) out.append(wudao::name_of(level));
  return out;
}

py::dict environment() {
  py::dict out;
  for (const wudao::EnvVariable& variable : wudao::env_variables()) {
    out[variable.name] = py::dict(py::arg("value") = wudao::env(variable.name), py::arg("meaning") = variable.meaning,
                                  py::arg("unset") = variable.fallback);
  }
  return out;
}

py::dict info() {
  py::dict out;
  out["version"] = WUDAO_VERSION;
  out["compiler"] = WUDAO_COMPILER;
  out["cpu"] = wudao::cpu_model();
  out["cpu_levels"] = levels();
  out.attr("update")(py::module_::import("wudao_rt._core").attr("kernels")());
  out["environment"] = environment();
  return out;
}

}  // namespace

void bind_info(py::module_& m) {
  m.attr("__version__") = WUDAO_VERSION;
  m.def("info", &info,
        "Return what the engine is and what it chose on this machine: version, compiler, cpu, cpu_levels, level and\n"
        "kernels in use, matrix provider and what it runs per dtype, threads and why, pinned, environment variables.");
}
