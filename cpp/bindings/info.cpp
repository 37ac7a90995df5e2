// What the engine is and what it chose on this machine.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "wudao/base/cpu_level.h"
#include "wudao/base/env.h"
#include "wudao/base/thread_pool.h"

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
  const wudao::ThreadChoice threads = wudao::default_threads();
  py::dict out;
  out["version"] = WUDAO_VERSION;
  out["compiler"] = WUDAO_COMPILER;
  out["cpu_levels"] = levels();
  out["cpu_level"] = wudao::name_of(wudao::choose_cpu_level());
  out["threads"] = threads.threads;
  out["threads_reason"] = threads.reason;
  out["environment"] = environment();
  return out;
}

}  // namespace

void bind_info(py::module_& m) {
  m.attr("__version__") = WUDAO_VERSION;
  m.def("info", &info, "Return what the engine is and what it chose on this machine, as a dict.");
}
