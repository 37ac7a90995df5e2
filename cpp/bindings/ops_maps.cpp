// _core.ops: convolutions and what else works on maps. wudao_rt.ops documents them.
#include "op_call.h"
#include "wudao/ops/convolution.h"
#include "wudao/ops/activation_map.h"
#include "wudao/ops/upsample_nearest.h"
#include "wudao/ops/group_norm.h"

namespace wudao::python {
namespace {

kernels::ActivationForm parse_form(const std::string& form) {
  if (form == "relu") return kernels::ActivationForm::kRelu;
  if (form == "swish") return kernels::ActivationForm::kSwish;
  fail<ConfigError>("activation_map", "form", "\"relu\" or \"swish\"", '"' + form + '"');
}

py::array activation_map_forward(const py::object& x, const std::string& form, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::ActivationMap>(ctx, parse_form(form), {activation(ctx, form.c_str(), "x", x, options.dtype)});
}

py::tuple activation_map_backward(const py::object& x, const py::object& dy, const std::string& form,
                              const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_backward<ops::ActivationMap>(ctx, parse_form(form), {activation(ctx, form.c_str(), "x", x, options.dtype)},
                                   activation(ctx, form.c_str(), "dy", dy, options.dtype));
}

template <class Op>
ops::Tensors<3> inputs(Context& ctx, const py::object& x, const py::object& weight, const py::object& bias, DType dtype) {
  const DType sum = accumulator_of(dtype);
  return {activation(ctx, Op::name.data(), "x", x, dtype), activation(ctx, Op::name.data(), "weight", weight, sum),
          activation(ctx, Op::name.data(), "bias", bias, sum)};
}

template <class Op>
py::array convolution(const py::object& x, const py::object& weight, const py::object& bias, std::int64_t kernel,
                      std::int64_t stride, std::int64_t padding, bool rectify, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<Op>(ctx, {kernel, stride, padding, options.sum(), rectify},
                          inputs<Op>(ctx, x, weight, bias, options.dtype));
}

template <class Op>
py::tuple convolution_backward(const py::object& x, const py::object& weight, const py::object& bias,
                               const py::object& dy, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                               bool rectify, int shards, const std::string& dtype) {
  const OpOptions options = op_options(dtype, shards);
  Context ctx = op_context(options);
  return call_backward<Op>(ctx, {kernel, stride, padding, options.sum(), rectify},
                           inputs<Op>(ctx, x, weight, bias, options.dtype),
                           activation(ctx, Op::name.data(), "dy", dy, options.sum()));
}

ops::Tensors<3> norm_inputs(Context& ctx, const py::object& x, const py::object& gamma, const py::object& beta,
                            DType dtype) {
  const DType sum = accumulator_of(dtype);
  return {activation(ctx, "group_norm", "x", x, dtype), activation(ctx, "group_norm", "gamma", gamma, sum),
          activation(ctx, "group_norm", "beta", beta, sum)};
}

py::array group_norm(const py::object& x, const py::object& gamma, const py::object& beta, std::int64_t groups,
                     double eps, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::GroupNorm>(ctx, {groups, eps}, norm_inputs(ctx, x, gamma, beta, options.dtype));
}

py::tuple group_norm_backward(const py::object& x, const py::object& gamma, const py::object& beta, const py::object& dy,
                              std::int64_t groups, double eps, int shards, const std::string& dtype) {
  const OpOptions options = op_options(dtype, shards);
  Context ctx = op_context(options);
  return call_backward<ops::GroupNorm>(ctx, {groups, eps}, norm_inputs(ctx, x, gamma, beta, options.dtype),
                                       activation(ctx, "group_norm", "dy", dy, options.dtype));
}

py::array upsample_nearest(const py::object& x, std::int64_t times, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::UpsampleNearest>(ctx, {times}, {activation(ctx, "upsample_nearest", "x", x, options.dtype)});
}

py::tuple upsample_nearest_backward(const py::object& x, const py::object& dy, std::int64_t times,
                                    const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_backward<ops::UpsampleNearest>(ctx, {times}, {activation(ctx, "upsample_nearest", "x", x, options.dtype)},
                                             activation(ctx, "upsample_nearest", "dy", dy, options.dtype));
}

template <class Op>
void bind_convolution(py::module_& m) {
  const std::string name(Op::name);
  m.def(name.c_str(), &convolution<Op>, py::arg("x"), py::arg("weight"), py::arg("bias"), py::arg("kernel"),
        py::arg("stride"), py::arg("padding"), py::arg("rectify"), py::arg("dtype"));
  m.def((name + "_backward").c_str(), &convolution_backward<Op>, py::arg("x"), py::arg("weight"), py::arg("bias"),
        py::arg("dy"), py::arg("kernel"), py::arg("stride"), py::arg("padding"), py::arg("rectify"), py::arg("shards"),
        py::arg("dtype"));
}

}  // namespace
}  // namespace wudao::python

void bind_ops_maps(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  m.def("activation_map", &activation_map_forward, py::arg("x"), py::arg("form"), py::arg("dtype"));
  m.def("activation_map_backward", &activation_map_backward, py::arg("x"), py::arg("dy"), py::arg("form"), py::arg("dtype"));
  m.def("group_norm", &group_norm, py::arg("x"), py::arg("gamma"), py::arg("beta"), py::arg("groups"), py::arg("eps"),
        py::arg("dtype"));
  m.def("group_norm_backward", &group_norm_backward, py::arg("x"), py::arg("gamma"), py::arg("beta"), py::arg("dy"),
        py::arg("groups"), py::arg("eps"), py::arg("shards"), py::arg("dtype"));
  m.def("upsample_nearest", &upsample_nearest, py::arg("x"), py::arg("times"), py::arg("dtype"));
  m.def("upsample_nearest_backward", &upsample_nearest_backward, py::arg("x"), py::arg("dy"), py::arg("times"),
        py::arg("dtype"));
  bind_convolution<wudao::ops::Conv2d>(m);
  bind_convolution<wudao::ops::ConvTranspose2d>(m);
}
