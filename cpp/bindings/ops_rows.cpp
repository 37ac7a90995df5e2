// _core.ops: embedding, layer norm, GELU, dropout, add. wudao_rt.ops documents them.
#include "op_call.h"
#include "wudao/ops/dropout.h"
#include "wudao/ops/embedding.h"
#include "wudao/ops/gelu.h"
#include "wudao/ops/layer_norm.h"

namespace wudao::python {
namespace {

kernels::NormScaling scaling_of(const std::string& name) { return parse_norm_scaling("layer_norm", name); }

py::array embedding(const py::object& table, const py::object& ids, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::Embedding>(ctx, {int32_tensor("embedding", "ids", ids)},
                                      {activation(ctx, "embedding", "table", table, options.sum())});
}

py::tuple embedding_backward(const py::object& table, const py::object& ids, const py::object& dy, int shards,
                             double gradient, const std::string& dtype) {
  const OpOptions options = op_options(dtype, shards);
  Context ctx = op_context(options);
  return call_backward<ops::Embedding>(ctx, {int32_tensor("embedding", "ids", ids), nullptr, gradient},
                                       {activation(ctx, "embedding", "table", table, options.sum())},
                                       activation(ctx, "embedding", "dy", dy, options.sum()));
}

ops::Tensors<3> norm_inputs(Context& ctx, const py::object& x, const py::object& gamma, const py::object& beta,
                            DType dtype) {
  const DType sum = accumulator_of(dtype);
  return {activation(ctx, "layer_norm", "x", x, sum), activation(ctx, "layer_norm", "gamma", gamma, sum),
          activation(ctx, "layer_norm", "beta", beta, sum)};
}

py::array layer_norm(const py::object& x, const py::object& gamma, const py::object& beta, double eps,
                     const std::string& scaling, const std::string& dtype, const std::string& out) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::LayerNorm>(ctx, {eps, parse_dtype(out), scaling_of(scaling)},
                                      norm_inputs(ctx, x, gamma, beta, options.dtype));
}

py::tuple layer_norm_backward(const py::object& x, const py::object& gamma, const py::object& beta, const py::object& dy,
                              double eps, const std::string& scaling, int shards, const std::string& dtype) {
  const OpOptions options = op_options(dtype, shards);
  Context ctx = op_context(options);
  return call_backward<ops::LayerNorm>(ctx, {eps, options.dtype, scaling_of(scaling)}, norm_inputs(ctx, x, gamma, beta, options.dtype),
                                       activation(ctx, "layer_norm", "dy", dy, options.dtype));
}

py::array gelu(const py::object& x, bool tanh_form, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::Gelu>(ctx, {tanh_form}, {activation(ctx, "gelu", "x", x, options.dtype)});
}

py::tuple gelu_backward(const py::object& x, const py::object& dy, bool tanh_form, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_backward<ops::Gelu>(ctx, {tanh_form}, {activation(ctx, "gelu", "x", x, options.dtype)},
                                  activation(ctx, "gelu", "dy", dy, options.dtype));
}

py::array dropout(const py::object& x, double p, std::uint64_t seed, std::uint32_t step, std::uint32_t stream,
                  const std::string& dtype) {
  const OpOptions options = op_options(dtype, 1, seed, step);
  Context ctx = op_context(options);
  return call_forward<ops::Dropout>(ctx, {p, stream}, {activation(ctx, "dropout", "x", x, options.dtype)});
}

py::tuple dropout_backward(const py::object& x, const py::object& dy, double p, std::uint64_t seed, std::uint32_t step,
                           std::uint32_t stream, const std::string& dtype) {
  const OpOptions options = op_options(dtype, 1, seed, step);
  Context ctx = op_context(options);
  return call_backward<ops::Dropout>(ctx, {p, stream}, {activation(ctx, "dropout", "x", x, options.dtype)},
                                     activation(ctx, "dropout", "dy", dy, options.dtype));
}

py::array add(const py::object& a, const py::object& b, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::Add>(ctx, {}, {activation(ctx, "add", "a", a, options.dtype),
                                          activation(ctx, "add", "b", b, options.dtype)});
}

py::tuple add_backward(const py::object& a, const py::object& b, const py::object& dy, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_backward<ops::Add>(ctx, {}, {activation(ctx, "add", "a", a, options.dtype),
                                           activation(ctx, "add", "b", b, options.dtype)},
                                 activation(ctx, "add", "dy", dy, options.dtype));
}

}  // namespace
}  // namespace wudao::python

void bind_ops_rows(pybind11::module_& m) {
  using namespace wudao::python;
  m.def("embedding", &embedding);
  m.def("embedding_backward", &embedding_backward);
  m.def("layer_norm", &layer_norm);
  m.def("layer_norm_backward", &layer_norm_backward);
  m.def("gelu", &gelu);
  m.def("gelu_backward", &gelu_backward);
  m.def("dropout", &dropout);
  m.def("dropout_backward", &dropout_backward);
  m.def("add", &add);
  m.def("add_backward", &add_backward);
}
