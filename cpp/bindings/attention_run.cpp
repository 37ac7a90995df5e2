// _core.AttentionRun: attention forward and backward on operands that stay in the engine, for benches.
//
// wudao_rt.ops converts NumPy's float32 at each call, which would be timed along.
#include "op_call.h"
#include "wudao/ops/attention.h"

namespace wudao::python {
namespace {

class AttentionRun {
 public:
  AttentionRun(const py::object& qkv, const py::object& dy, std::int64_t batch, std::int64_t heads, const py::object& sep,
               const std::string& dtype)
      : ctx_(runtime().context()),
        params_{batch, heads, int32_tensor("attention", "sep", sep), Tensor(), 0.0, 0},
        qkv_(activation(ctx_, "attention", "qkv", qkv, parse_dtype(dtype))),
        dy_(activation(ctx_, "attention", "dy", dy, parse_dtype(dtype))) {}

  void run() {
    const py::gil_scoped_release release;
    ops::Attention::Saved saved;
    y_ = ops::Attention::forward(ctx_, params_, {qkv_}, &saved);
    dqkv_ = ops::Attention::backward(ctx_, params_, saved, dy_, {true})[0];
  }

  py::tuple result() {
    if (!y_.defined()) run();
    return py::make_tuple(to_numpy_widened(ctx_, y_), to_numpy_widened(ctx_, dqkv_));
  }

 private:
  Context ctx_;
  ops::Attention::Params params_;
  Tensor qkv_, dy_, y_, dqkv_;
};

}  // namespace
}  // namespace wudao::python

void bind_attention_run(pybind11::module_& m) {
  using wudao::python::AttentionRun;
  namespace py = pybind11;
  py::class_<AttentionRun>(m, "AttentionRun")
      .def(py::init<const py::object&, const py::object&, std::int64_t, std::int64_t, const py::object&, const std::string&>(),
           py::arg("qkv"), py::arg("dy"), py::arg("batch"), py::arg("heads"), py::arg("sep"), py::arg("dtype"))
      .def("run", &AttentionRun::run, "Compute forward and backward once.")
      .def("result", &AttentionRun::result, "Return (y, dqkv) of the last run.");
}
