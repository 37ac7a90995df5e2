#include "runtime.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>

#include "wudao/base/affinity.h"
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

// What the runtime is opened with.
CpuOptions& options() {
  static CpuOptions chosen;
  return chosen;
}

void set_threads(int threads, bool pin) {
  const std::lock_guard lock(guard());
  const CpuOptions fresh{threads, pin, options().share};
  slot() = std::make_unique<CpuRuntime>(fresh);
  options() = fresh;
}

// Acts on what is made from now on, as above; a number that was asked for stays. The pool waits for its first use.
void share_threads(int threads, const std::string& reason) {
  const std::lock_guard lock(guard());
  options().share = ThreadChoice{threads, reason};
  if (options().threads == 0) slot().reset();
}

py::dict thread_limits() {
  const std::lock_guard lock(guard());
  const int asked = options().threads;
  return py::dict(py::arg("cores") = cores_of(allowed_processors()),
                  py::arg("permitted") = cores_of(permitted_processors()), py::arg("quota") = cgroup_quota(),
                  py::arg("asked") = asked > 0 ? asked : asked_threads().value_or(0),
                  py::arg("asked_by") = asked > 0 ? "" : "WUDAO_NUM_THREADS", py::arg("most") = most_threads());
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
  if (slot() == nullptr) slot() = std::make_unique<CpuRuntime>(options());
  return *slot();
}

}  // namespace wudao::python

void bind_runtime(py::module_& m) {
  using namespace wudao::python;
  m.def("set_threads", &set_threads, py::arg("threads"), py::arg("pin") = false,
        "Set the number of threads of models made from now on; 0 takes the default.");
  m.def("share_threads", &share_threads, py::arg("threads"), py::arg("reason"),
        "Set the default number of threads to this rank's share of its node's cores.");
  m.def("thread_limits", &thread_limits, "Return what the number of threads of this process is chosen from.");
  m.def("kernels", &kernels, "Return the kernels, matrix provider and threads in use, as a dict.");
  m.def("memory", &memory, "Return live, peak and cached bytes of the arena.");
  m.def("reset_peak_memory", [] { runtime().arena().reset_peak(); }, "Start the high-water mark anew.");
}
