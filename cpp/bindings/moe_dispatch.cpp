// _core.Dispatch: rows to the ranks of their experts and back. wudao_rt.moe.Dispatch documents it.
#include "wudao/moe/dispatch.h"

#include <mutex>

#include "glm.h"
#include "moe.h"
#include "runtime.h"

namespace wudao::python {
namespace {

class DispatchObject {
 public:
  // `comm` lives as long as this: Python sees to it.
  DispatchObject(const py::object& indices, std::int64_t experts, bool two_level, int supernode,
                 comm::Communicator* comm)
      : ctx_(runtime().context()) {
    moe::LayerConfig config;
    config.classes = {{experts, 1}};
    config.exchange = two_level ? moe::ExchangeKind::kTwoLevel : moe::ExchangeKind::kFlat;
    config.supernode = supernode;
    const Tensor chosen = int32_tensor("Dispatch", "indices", indices);
    const py::gil_scoped_release release;
    dispatch_ = std::make_unique<moe::Dispatch>(ctx_, borrowed(comm), config, chosen);
  }

  py::array dispatch(const py::object& x, const std::string& dtype) {
    const Tensor input = float_tensor("dispatch", "x", x, parse_dtype(dtype));
    return alone([&] { return dispatch_->dispatch(ctx_, input); });
  }

  py::array combine(const py::object& rows, const py::object& weights, const std::string& dtype) {
    const DType type = parse_dtype(dtype);
    const Tensor given = float_tensor("combine", "rows", rows, type);
    const Tensor by = weights.is_none() ? Tensor() : float_tensor("combine", "weights", weights, type);
    return alone([&] { return dispatch_->combine(ctx_, given, by); });
  }

  py::tuple combine_backward(const py::object& dy, const std::string& dtype) {
    const Tensor pull = float_tensor("combine_gradients", "dy", dy, parse_dtype(dtype));
    moe::Dispatch::Gradients found;
    const py::array rows = alone([&] {
      found = dispatch_->combine_backward(ctx_, pull);
      return found.rows;
    });
    return py::make_tuple(rows, to_numpy(found.weights));
  }

  py::array begin() const { return to_numpy(dispatch_->plan().begin); }
  std::pair<std::int64_t, std::int64_t> held() const { return dispatch_->held(); }

 private:
  // What f() returns, in memory of its own: an exchange may have handed out the caller's, or a room that it uses again.
  template <class F>
  py::array alone(F&& f) {
    Tensor y;
    {
      const py::gil_scoped_release release;
      const std::lock_guard lock(busy_);
      y = f();
    }
    return to_numpy(y).attr("copy")();
  }

  Context ctx_;
  std::mutex busy_;
  std::unique_ptr<moe::Dispatch> dispatch_;
};

}  // namespace
}  // namespace wudao::python

void bind_moe_dispatch(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<DispatchObject>(m, "Dispatch")
      .def(py::init<const py::object&, std::int64_t, bool, int, wudao::comm::Communicator*>(), py::arg("indices"),
           py::arg("experts"), py::arg("two_level"), py::arg("supernode"), py::arg("comm").none(true),
           py::keep_alive<1, 6>())
      .def("dispatch", &DispatchObject::dispatch, py::arg("x"), py::arg("dtype"))
      .def("combine", &DispatchObject::combine, py::arg("rows"), py::arg("weights").none(true), py::arg("dtype"))
      .def("combine_backward", &DispatchObject::combine_backward, py::arg("dy"), py::arg("dtype"))
      .def_property_readonly("begin", &DispatchObject::begin)
      .def_property_readonly("held", &DispatchObject::held);
}
