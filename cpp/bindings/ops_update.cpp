// _core.ops: AdamW, Newton-Schulz, global norm. wudao_rt.ops documents them.
#include <cmath>

#include "op_call.h"
#include "wudao/kernels/table.h"
#include "wudao/kernels/update.h"
#include "wudao/optim/optimizer.h"

namespace wudao::python {
namespace {

Tensor copy_of(Context& ctx, const char* argument, const py::object& array, DType dtype, const Tensor& like) {
  const Tensor source = float_tensor("adamw", argument, array, dtype);
  if (like.defined()) ops::check_shape("adamw", argument, source, like.shape());
  Tensor copy = ctx.zeros(source.shape(), dtype);
  ops::accumulate(ctx, copy, source);
  return copy;
}

py::tuple adamw(const py::object& p, const py::object& grad, const py::object& m, const py::object& v, std::int64_t step,
                double lr, double beta1, double beta2, double eps, double decay, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  const DType type = options.sum();
  const Tensor parameter = copy_of(ctx, "p", p, type, Tensor()), gradient = copy_of(ctx, "grad", grad, type, parameter);
  const Tensor first = copy_of(ctx, "m", m, type, parameter), second = copy_of(ctx, "v", v, type, parameter);
  const auto t = static_cast<double>(step);
  ctx.kernels->adamw({parameter.raw(), gradient.raw(), first.raw(), second.raw(), type, parameter.size(), lr, beta1,
                      beta2, eps, decay, 1.0, 1.0 - std::pow(beta1, t), 1.0 - std::pow(beta2, t), ctx.pool.get()});
  return py::make_tuple(to_numpy(parameter), to_numpy(first), to_numpy(second));
}

py::array newton_schulz(const py::object& gradient, int steps, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  const Tensor g = float_tensor("newton_schulz", "gradient", gradient, options.sum());
  return to_numpy(optim::newton_schulz(ctx, g, options.dtype, steps));
}

double global_norm(const py::list& arrays, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  double squares = 0.0;
  for (const auto& array : arrays) {
    squares += optim::sum_squares(ctx, float_tensor("global_norm", "arrays", array, options.sum()));
  }
  return std::sqrt(squares);
}

}  // namespace
}  // namespace wudao::python

void bind_ops_update(pybind11::module_& m) {
  using namespace wudao::python;
  m.def("adamw", &adamw);
  m.def("newton_schulz", &newton_schulz);
  m.def("global_norm", &global_norm);
}
