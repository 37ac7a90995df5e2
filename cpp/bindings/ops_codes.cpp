// _core.ops: from vectors to codes and back. wudao_rt.ops documents them.
#include <pybind11/stl.h>

#include "op_call.h"
#include "wudao/ops/fsq.h"
#include "wudao/ops/gumbel_quantize.h"
#include "wudao/ops/vq_assign.h"
#include "wudao/ops/vq_quantize.h"

namespace wudao::python {
namespace {

py::array vq_assign(const py::object& z, const py::object& book, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  const Tensor rows = activation(ctx, "vq_assign", "z", z, options.dtype);
  const Tensor codes = activation(ctx, "vq_assign", "book", book, options.dtype);
  Tensor nearest;
  {
    const py::gil_scoped_release release;
    nearest = ops::vq_assign(ctx, rows, codes);
  }
  return to_numpy(nearest);
}

// z as the op takes it: of the accumulator type, as the encoder's last layer gives it.
struct Quantizing {
  Quantizing(const py::object& z_, const py::object& book_, const std::string& dtype)
      : options(op_options(dtype)),
        ctx(op_context(options)),
        z(activation(ctx, ops::VqQuantize::name.data(), "z", z_, options.sum())),
        book(activation(ctx, ops::VqQuantize::name.data(), "book", book_, options.sum())) {}
  OpOptions options;
  Context ctx;
  Tensor z, book;
};

py::array vq_quantize(const py::object& z, const py::object& book, const std::string& dtype) {
  Quantizing with(z, book, dtype);
  return call_forward<ops::VqQuantize>(with.ctx, {with.book, 0.0, with.options.dtype, nullptr}, {with.z});
}

py::tuple vq_quantize_backward(const py::object& z, const py::object& book, const py::object& dy, double commitment,
                               const std::string& dtype) {
  Quantizing with(z, book, dtype);
  const Tensor dq = activation(with.ctx, ops::VqQuantize::name.data(), "dy", dy, with.options.dtype);
  const double mean = commitment / static_cast<double>(std::max<std::int64_t>(1, with.z.size()));
  return call_backward<ops::VqQuantize>(with.ctx, {with.book, mean, with.options.dtype, nullptr}, {with.z}, dq);
}

// z and the mixture of codes in its place.
struct Mixing {
  Mixing(const py::object& z_, const py::object& book_, double tau, const std::optional<std::uint64_t>& seed,
         const std::string& dtype, std::uint32_t step, int shards)
      : options(op_options(dtype, shards, seed.value_or(0), step)),
        ctx(op_context(options)),
        z(activation(ctx, ops::GumbelQuantize::name.data(), "z", z_, options.sum())),
        params{activation(ctx, ops::GumbelQuantize::name.data(), "book", book_, options.sum()), tau, 0.0,
               seed.has_value(), options.dtype, nullptr} {}
  OpOptions options;
  Context ctx;
  Tensor z;
  ops::GumbelQuantize::Params params;
};

py::array gumbel_quantize(const py::object& z, const py::object& book, double tau,
                          const std::optional<std::uint64_t>& seed, std::uint32_t step, const std::string& dtype) {
  Mixing with(z, book, tau, seed, dtype, step, 1);
  return call_forward<ops::GumbelQuantize>(with.ctx, with.params, {with.z});
}

py::tuple gumbel_quantize_backward(const py::object& z, const py::object& book, const py::object& dy, double tau,
                                   const std::optional<std::uint64_t>& seed, std::uint32_t step, double kl_weight,
                                   const std::string& dtype) {
  Mixing with(z, book, tau, seed, dtype, step, 1);
  const Tensor& rows = with.z;
  const double count = rows.defined() && rows.rank() > 0 && rows.size() > 0
                           ? static_cast<double>(rows.size() / rows.dim(-1))
                           : 1.0;
  with.params.weight = kl_weight / count;
  const Tensor dq = activation(with.ctx, ops::GumbelQuantize::name.data(), "dy", dy, with.options.dtype);
  return call_backward<ops::GumbelQuantize>(with.ctx, with.params, {with.z}, dq);
}

// The mean of the divergence over rows.
double code_divergence(const py::object& z, const py::object& book, const std::string& dtype) {
  Mixing with(z, book, 1.0, {}, dtype, 0, 1);
  with.params.found = std::make_shared<ops::Mixed>();
  const py::gil_scoped_release release;
  ops::GumbelQuantize::forward(with.ctx, with.params, {with.z}, nullptr);
  return with.params.found->kl[0] / static_cast<double>(std::max<std::int64_t>(1, with.params.found->z.dim(0)));
}

py::array fsq(const py::object& z, const ops::Levels& levels, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_forward<ops::Fsq>(ctx, {levels, options.dtype}, {activation(ctx, "fsq", "z", z, options.sum())});
}

py::tuple fsq_backward(const py::object& z, const py::object& dy, const ops::Levels& levels, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return call_backward<ops::Fsq>(ctx, {levels, options.dtype}, {activation(ctx, "fsq", "z", z, options.sum())},
                                 activation(ctx, "fsq", "dy", dy, options.dtype));
}

py::array fsq_codes(const py::object& q, const ops::Levels& levels, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return to_numpy(ops::fsq_codes(ctx, activation(ctx, "fsq_codes", "q", q, options.sum()), levels));
}

py::array fsq_vectors(const py::object& codes, const ops::Levels& levels, const std::string& dtype) {
  const OpOptions options = op_options(dtype);
  Context ctx = op_context(options);
  return to_numpy(ops::fsq_vectors(ctx, int32_tensor("fsq_vectors", "codes", codes), levels, options.sum()));
}

}  // namespace
}  // namespace wudao::python

void bind_ops_codes(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  m.def("vq_assign", &vq_assign, py::arg("z"), py::arg("book"), py::arg("dtype"));
  m.def("vq_quantize", &vq_quantize, py::arg("z"), py::arg("book"), py::arg("dtype"));
  m.def("vq_quantize_backward", &vq_quantize_backward, py::arg("z"), py::arg("book"), py::arg("dy"),
        py::arg("commitment"), py::arg("dtype"));
  m.def("gumbel_quantize", &gumbel_quantize, py::arg("z"), py::arg("book"), py::arg("tau"), py::arg("seed").none(true),
        py::arg("step"), py::arg("dtype"));
  m.def("gumbel_quantize_backward", &gumbel_quantize_backward, py::arg("z"), py::arg("book"), py::arg("dy"),
        py::arg("tau"), py::arg("seed").none(true), py::arg("step"), py::arg("kl_weight"), py::arg("dtype"));
  m.def("code_divergence", &code_divergence, py::arg("z"), py::arg("book"), py::arg("dtype"));
  m.def("fsq", &fsq, py::arg("z"), py::arg("levels"), py::arg("dtype"));
  m.def("fsq_backward", &fsq_backward, py::arg("z"), py::arg("dy"), py::arg("levels"), py::arg("dtype"));
  m.def("fsq_codes", &fsq_codes, py::arg("q"), py::arg("levels"), py::arg("dtype"));
  m.def("fsq_vectors", &fsq_vectors, py::arg("codes"), py::arg("levels"), py::arg("dtype"));
}
