// _core.ops: linear, matmul, output loss, log-softmax, attention. wudao_rt.ops documents them.
#include "op_call.h"
#include "wudao/base/error.h"
#include "wudao/ops/attention.h"
#include "wudao/ops/linear.h"
#include "wudao/ops/log_softmax.h"
#include "wudao/ops/matmul.h"
#include "wudao/ops/output_loss.h"

namespace wudao::python {
namespace {

ops::Linear::Params linear_params(const std::string& activation, double dropout, std::uint32_t stream, bool residual,
                                  const OpOptions& options) {
  ops::Linear::Params params{residual ? options.sum() : options.dtype, ops::Activation::kNone, dropout, stream};
  if (activation == "gelu_tanh") params.activation = ops::Activation::kGeluTanh;
  else if (activation == "gelu_erf") params.activation = ops::Activation::kGeluErf;
  else if (activation != "none") fail<ConfigError>("linear", "activation", "none, gelu_tanh or gelu_erf", '"' + activation + '"');
  return params;
}

ops::Tensors<4> linear_inputs(Context& ctx, const py::object& x, const py::object& weight, const py::object& bias,
                              const py::object& residual, const OpOptions& options) {
  return {activation(ctx, "linear", "x", x, options.dtype), activation(ctx, "linear", "weight", weight, options.sum()),
          activation(ctx, "linear", "bias", bias, options.sum()),
          activation(ctx, "linear", "residual", residual, options.sum())};
}

py::array linear(const py::object& x, const py::object& weight, const py::object& bias, const py::object& residual,
                 const std::string& act, double dropout, std::uint64_t seed, std::uint32_t step, std::uint32_t stream,
                 const std::string& dtype) {
  const OpOptions options = op_options(dtype, 1, seed, step);
  Context ctx = op_context(options);
  return call_forward<ops::Linear>(ctx, linear_params(act, dropout, stream, !residual.is_none(), options),
                                   linear_inputs(ctx, x, weight, bias, residual, options));
}

py::tuple linear_backward(const py::object& x, const py::object& weight, const py::object& bias,
                          const py::object& residual, const py::object& dy, const std::string& act, double dropout,
                          std::uint64_t seed, std::uint32_t step, std::uint32_t stream, int shards,
                          const std::string& dtype) {
  const OpOptions options = op_options(dtype, shards, seed, step);
  Context ctx = op_context(options);
  const ops::Linear::Params params = linear_params(act, dropout, stream, !residual.is_none(), options);
  return call_backward<ops::Linear>(ctx, params, linear_inputs(ctx, x, weight, bias, residual, options),
                                    activation(ctx, "linear", "dy", dy, params.out));
}

ops::Tensors<2> pair(Context& ctx, const char* op, const py::object& a, const py::object& b, DType dtype) {
  return {activation(ctx, op, "a", a, dtype), activation(ctx, op, "b", b, dtype)};
}

py::array matmul(const py::object& a, const py::object& b, bool transpose_a, bool transpose_b, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::Matmul>(ctx, {transpose_a, transpose_b}, pair(ctx, "matmul", a, b, options.dtype));
}

py::tuple matmul_backward(const py::object& a, const py::object& b, const py::object& dy, bool transpose_a,
                          bool transpose_b, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_backward<ops::Matmul>(ctx, {transpose_a, transpose_b}, pair(ctx, "matmul", a, b, options.dtype),
                                    activation(ctx, "matmul", "dy", dy, options.sum()));
}

// (losses per shard, loss per row, dh, dweight); the gradients are None unless wanted.
py::tuple output_loss(const py::object& h, const py::object& weight, const py::object& targets, const py::object& weights,
                      std::int64_t logit_columns, bool gradients, int shards, const std::string& dtype) {
  const OpOptions options = op_options(dtype, shards);
  Context ctx = op_context(options);
  const ops::Tensors<2> inputs = {activation(ctx, "output_loss", "h", h, options.dtype),
                                  activation(ctx, "output_loss", "weight", weight, options.sum())};
  ops::check_matrix("output_loss", "h", inputs[0]);
  ops::OutputLoss::Params params{int32_tensor("output_loss", "targets", targets),
                                 float_tensor("output_loss", "weights", weights, DType::kFloat64), logit_columns,
                                 ctx.zeros({inputs[0].dim(0)}, DType::kFloat64)};
  ops::OutputLoss::Saved saved;
  Tensor loss;
  {
    const py::gil_scoped_release release;
    loss = ops::OutputLoss::forward(ctx, params, inputs, gradients ? &saved : nullptr);
  }
  const auto out = [&](const Tensor& t) { return t.defined() ? py::object(to_numpy_widened(ctx, t)) : py::none(); };
  return py::make_tuple(to_numpy(loss), to_numpy(params.row_loss), out(saved.dh), out(saved.dweight));
}

py::array log_softmax(const py::object& x, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return to_numpy(ops::log_softmax(ctx, activation(ctx, "log_softmax", "x", x, options.sum())));
}

py::tuple log_softmax_backward(const py::object& x, const py::object& dy, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  const Tensor logits = activation(ctx, "log_softmax_backward", "x", x, options.sum());
  const Tensor gradient = activation(ctx, "log_softmax_backward", "dy", dy, options.sum());
  return py::make_tuple(to_numpy(ops::log_softmax_backward(ctx, logits, gradient)));
}

ops::Attention::Params attention_params(std::int64_t batch, std::int64_t heads, const py::object& sep,
                                        const py::object& mask, double dropout, std::uint32_t stream) {
  return {batch, heads, sep.is_none() ? Tensor() : int32_tensor("attention", "sep", sep),
          mask.is_none() ? Tensor() : bool_tensor("attention", "mask", mask), dropout, stream};
}

py::array attention(const py::object& qkv, std::int64_t batch, std::int64_t heads, const py::object& sep,
                    const py::object& mask, double dropout, std::uint64_t seed, std::uint32_t step, std::uint32_t stream,
                    const std::string& dtype) {
  const OpOptions options = op_options(dtype, 1, seed, step);
  Context ctx = op_context(options);
  return call_forward<ops::Attention>(ctx, attention_params(batch, heads, sep, mask, dropout, stream),
                                      {activation(ctx, "attention", "qkv", qkv, options.dtype)});
}

py::tuple attention_backward(const py::object& qkv, const py::object& dy, std::int64_t batch, std::int64_t heads,
                             const py::object& sep, const py::object& mask, double dropout, std::uint64_t seed,
                             std::uint32_t step, std::uint32_t stream, const std::string& dtype) {
  const OpOptions options = op_options(dtype, 1, seed, step);
  Context ctx = op_context(options);
  return call_backward<ops::Attention>(ctx, attention_params(batch, heads, sep, mask, dropout, stream),
                                       {activation(ctx, "attention", "qkv", qkv, options.dtype)},
                                       activation(ctx, "attention", "dy", dy, options.dtype));
}

}  // namespace
}  // namespace wudao::python

void bind_ops_products(pybind11::module_& m) {
  using namespace wudao::python;
  m.def("linear", &linear);
  m.def("linear_backward", &linear_backward);
  m.def("matmul", &matmul);
  m.def("matmul_backward", &matmul_backward);
  m.def("output_loss", &output_loss);
  m.def("log_softmax", &log_softmax);
  m.def("log_softmax_backward", &log_softmax_backward);
  m.def("attention", &attention);
  m.def("attention_backward", &attention_backward);
}
