// The roofs that rates are measured against: the engine's own best matrix product, and reading memory.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "arrays.h"
#include "noise.h"
#include "runtime.h"
#include "wudao/base/error.h"
#include "wudao/kernels/memory.h"
#include "wudao/kernels/table.h"
#include "wudao/ops/linear.h"
#include "wudao/ops/matmul.h"

namespace wudao::python {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// The fastest call within `limit` seconds, after one to warm up and one at least.
template <class F>
double fastest(double limit, F&& work) {
  double best = 1e300;
  work();  // makes the library's primitive, packs weights
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    work();
    best = std::min(best, seconds_since(start));
  } while (seconds_since(begin) < limit);
  return best;
}

double matmul_roof(const std::string& dtype, std::int64_t size, double limit) {
  const DType type = parse_dtype(dtype);
  const py::gil_scoped_release release;
  Context ctx = runtime().context();
  const Tensor a = ctx.zeros({size, size}, type);
  return 2.0 * static_cast<double>(size * size * size) / fastest(limit, [&] { ops::matmul(ctx, a, a); });
}

void check_sizes(const char* op, std::initializer_list<std::int64_t> sizes) {
  for (const std::int64_t size : sizes) {
    if (size < 1) fail<ShapeError>(op, "size", "at least 1", std::to_string(size));
  }
}

// Seconds of (m, k) times (k, n): as a product with a weight that stays packed, or of two activations.
double product_seconds(const std::string& dtype, std::int64_t m, std::int64_t n, std::int64_t k, bool packed, double limit) {
  check_sizes("product_seconds", {m, n, k});
  const DType type = parse_dtype(dtype);
  const py::gil_scoped_release release;
  Context ctx = runtime().context();
  const Tensor x = noise(ctx, {m, k}, type);
  if (!packed) {
    const Tensor b = noise(ctx, {k, n}, type);
    return fastest(limit, [&] { ops::matmul(ctx, x, b); });
  }
  const Tensor weight = noise(ctx, {n, k}, accumulator_of(type));
  const ops::Linear::Params params{type, {}, 0.0, 0};
  return fastest(limit, [&] { ops::Linear::forward(ctx, params, {x, weight, Tensor(), Tensor()}, nullptr); });
}

// Bytes per second of the fastest read of the same `bytes` again and again by all threads.
double bandwidth_roof(std::int64_t bytes, double limit) {
  constexpr std::int64_t kTasksPerThread = 4, kUnit = 1024;
  const py::gil_scoped_release release;
  Context ctx = runtime().context();
  const std::int64_t tasks = kTasksPerThread * ctx.pool->size(), unit = tasks * kUnit;
  const std::int64_t size = std::max<std::int64_t>(1, bytes / unit) * unit;
  const Tensor data = ctx.zeros({size / 4}, DType::kInt32);
  std::vector<std::uint32_t> sums(static_cast<std::size_t>(tasks));
  const double best = fastest(limit, [&] { ctx.kernels->read_memory({data.raw(), size, tasks, sums.data(), ctx.pool.get()}); });
  return static_cast<double>(size) / best;
}

}  // namespace
}  // namespace wudao::python

void bind_roof(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  m.def("matmul_roof", &matmul_roof, py::arg("dtype"), py::arg("size"), py::arg("seconds"),
        "Return the operations per second of the fastest of the products that `seconds` allow.");
  m.def("product_seconds", &product_seconds, py::arg("dtype"), py::arg("m"), py::arg("n"), py::arg("k"), py::arg("packed"),
        py::arg("seconds"), "Return the seconds of the fastest product (m, k) x (k, n) that `seconds` allow.");
  m.def("bandwidth_roof", &bandwidth_roof, py::arg("bytes"), py::arg("seconds"),
        "Return the bytes per second of the fastest of the reads of `bytes` that `seconds` allow.");
}
