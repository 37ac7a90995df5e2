#include "runtime.h"

#include <pybind11/pybind11.h>

#include <memory>
#include <mutex>

#include "wudao/base/dtype.h"

namespace py = pybind11;

namespace wudao::python {
namespace {

std::mutex& guard() {
  static std::mutex mutex;
  return mutex;
}

// Left standing at exit on purpose: Python may drop arrays that lie in its arena after static objects are gone.
std::unique_ptr<CpuRuntime>& slot() {
  static auto* pointer = new std::unique_ptr<CpuRuntime>;
  return *pointer;
}

void set_threads(int threads, bool pin) {
  auto fresh = std::make_unique<CpuRuntime>(CpuOptions{threads, pin});
  const std::lock_guard lock(guard());
  slot() = std::move(fresh);
}

py::dict kernels() {
  py::dict out;
  const CpuRuntime& open = runtime();
  out["level"] = name_of(open.level());
  out["kernels"] = open.kernel_level();
  out["threads"] = open.pool().size();
  out["threads_reason"] = open.thread_reason();
  out["pinned"] = open.pool().pinned();
  out["matmul"] = matmul_name();
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64}) {
    out[py::str(std::string("matmul_") + name_of(dtype))] = matmul_description(dtype);
  }
  return out;
}

py::dict memory() {
  const ArenaStats stats = runtime().arena().stats();
  return py::dict(py::arg("live_bytes") = stats.live_bytes, py::arg("peak_bytes") = stats.peak_bytes,
                  py::arg("cached_bytes") = stats.cached_bytes, py::arg("system_calls") = stats.system_calls);
}

}  // namespace

CpuRuntime& runtime() {
  const std::lock_guard lock(guard());
  if (slot() == nullptr) slot() = std::make_unique<CpuRuntime>(CpuOptions{});
  return *slot();
}

}  // namespace wudao::python

void bind_runtime(py::module_& m) {
  using namespace wudao::python;
  m.def("set_threads", &set_threads, py::arg("threads"), py::arg("pin") = false,
        "Set the number of threads of models made from now on; 0 takes the default.");
  m.def("kernels", &kernels, "Return the kernels, matrix provider and threads in use, as a dict.");
  m.def("memory", &memory, "Return live, peak and cached bytes of the arena.");
  m.def("reset_peak_memory", [] { runtime().arena().reset_peak(); }, "Start the high-water mark anew.");
}
