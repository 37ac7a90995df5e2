// The best rate of the engine's own matrix product, which share_of_peak is measured against.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "arrays.h"
#include "runtime.h"
#include "wudao/ops/matmul.h"

namespace wudao::python {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Operations per second of the fastest product of (size, size) matrices within `limit` seconds, and one at least.
double matmul_roof(const std::string& dtype, std::int64_t size, double limit) {
  const DType type = parse_dtype(dtype);
  const py::gil_scoped_release release;
  Context ctx = runtime().context();
  const Tensor a = ctx.zeros({size, size}, type);
  double best = 1e300;
  const auto begin = Clock::now();
  ops::matmul(ctx, a, a);  // makes the library's primitive
  do {
    const auto start = Clock::now();
    ops::matmul(ctx, a, a);
    best = std::min(best, seconds_since(start));
  } while (seconds_since(begin) < limit);
  return 2.0 * static_cast<double>(size * size * size) / best;
}

}  // namespace
}  // namespace wudao::python

void bind_roof(pybind11::module_& m) {
  namespace py = pybind11;
  m.def("matmul_roof", &wudao::python::matmul_roof, py::arg("dtype"), py::arg("size"), py::arg("seconds"),
        "Return the operations per second of the fastest of the products that `seconds` allow.");
}
