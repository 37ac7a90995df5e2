// _core.MoELayer: one layer of experts by itself, for other people's models. wudao_rt.moe documents it.
#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "glm.h"
#include "moe.h"
#include "runtime.h"
#include "wudao/base/error.h"
#include "wudao/moe/layer.h"
#include "wudao/ops/add.h"

namespace wudao::python {
namespace {

using CommunicatorPtr = std::shared_ptr<comm::Communicator>;

// Takes the gradient of the input: that through the experts and that through the router.
struct InputSink final : GradientSink {
  Tensor gradient;
  void add(Context& ctx, Tensor given, int) override {
    if (!gradient.defined()) {
      gradient = std::move(given);
    } else {
      ops::accumulate(ctx, gradient, given);
    }
  }
};

class LayerObject {
 public:
  // `comm` lives as long as this: Python sees to it.
  LayerObject(const py::dict& config, std::uint64_t seed, const std::string& dtype, comm::Communicator* comm)
      : ctx_(runtime().context()),
        compute_(parse_dtype(dtype)),
        comm_(borrowed(comm)),
        list_(ctx_, accumulator_of(compute_), seed, false),
        layer_(ctx_, list_, "", read_layer(config), comm_, 1) {
    ctx_.seed = seed;
    ctx_.first_shard = comm_->rank();
    ctx_.all_shards = comm_->size();
  }

  py::array forward(const py::object& x, bool train, std::uint32_t step) {
    const Tensor input = read("x", x, layer_.config().hidden);
    Tensor y;
    {
      const py::gil_scoped_release release;
      const std::lock_guard lock(busy_);
      ctx_.step = step;
      ctx_.packs_anew = false;
      Tape tape(ctx_, false);
      y = run(tape, {ops::convert(ctx_, input, compute_), nullptr}, train).value;
    }
    return to_numpy(y);
  }

  // (loss, dx, the gradients of the parameters by name); of what several ranks have, the sum over them.
  py::tuple loss_and_gradients(const py::object& x, const py::object& dy, bool train, std::uint32_t step) {
    const Tensor input = read("x", x, layer_.config().hidden), pull = read("dy", dy, layer_.config().hidden);
    if (pull.shape() != input.shape()) {
      fail<ShapeError>("MoELayer", "dy", to_text(input.shape()), to_text(pull.shape()));
    }
    InputSink sink;
    double loss = 0.0;
    std::vector<Tensor> gradients;
    {
      const py::gil_scoped_release release;
      const std::lock_guard lock(busy_);
      ctx_.step = step;
      ctx_.packs_anew = true;  // each form of a weight is used once in here, and then the weights change
      Tape tape(ctx_, true);
      const Var y = run(tape, tape.leaf(ops::convert(ctx_, input, compute_), &sink), train);
      loss = dot(pull, y.value) + balance_loss();
      tape.backward(y, ops::convert(ctx_, pull, y.value.dtype()));
      gradients = take_gradients();
    }
    py::dict named;
    for (std::size_t i = 0; i < gradients.size(); ++i) named[py::str(list_.all()[i]->name())] = to_numpy(gradients[i]);
    return py::make_tuple(loss, to_numpy_widened(ctx_, sink.gradient), named);
  }

  // For benches: forward and backward of operands that stay here, with weights as fresh as after an optimizer's step.
  void hold(const py::object& x, const py::object& dy) {
    held_x_ = ops::convert(ctx_, read("x", x, layer_.config().hidden), compute_);
    held_dy_ = read("dy", dy, layer_.config().hidden);
  }

  void run_held(bool backward) {
    const py::gil_scoped_release release;
    const std::lock_guard lock(busy_);
    touch();
    ctx_.packs_anew = backward;
    Tape tape(ctx_, backward);
    InputSink sink;
    const Var y = run(tape, backward ? tape.leaf(held_x_, &sink) : Var{held_x_, nullptr}, backward);
    if (!backward) return;
    tape.backward(y, held_dy_);
    take_gradients();
  }

  py::array get(const std::string& name) { return to_numpy(find(name).value()); }

  void touch() {
    for (const nn::ParameterPtr& parameter : list_.all()) parameter->value().storage().touch();
  }

  py::dict telemetry() const {
    const moe::Telemetry& seen = layer_.telemetry();
    py::dict losses;
    for (const auto& [name, value] : seen.losses) losses[py::str(name)] = value;
    return py::dict(py::arg("counts") = seen.counts, py::arg("dropped") = seen.dropped, py::arg("losses") = losses);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const nn::ParameterPtr& parameter : list_.all()) names.push_back(parameter->name());
    return names;
  }

  py::object bias() const { return layer_.bias().defined() ? py::object(to_numpy(layer_.bias())) : py::none(); }
  std::pair<std::int64_t, std::int64_t> held() const {
    return {layer_.experts().first(), layer_.experts().first() + layer_.experts().count()};
  }

 private:
  Tensor read(const char* argument, const py::object& array, std::int64_t hidden) const {
    Tensor x = float_tensor("MoELayer", argument, array, accumulator_of(compute_));
    if (x.rank() != 2 || x.dim(1) != hidden) {
      fail<ShapeError>("MoELayer", argument, text("(tokens, ", hidden, ")"), to_text(x.shape()));
    }
    return x;
  }

  Var run(Tape& tape, const Var& x, bool train) {
    layer_.begin_batch();
    return layer_({tape, compute_, 0.0, false, train}, x, Var{}, true);
  }

  // Sum of the weighted balance losses, which are those of the whole sequence: counted on the first rank alone.
  double balance_loss() const {
    if (comm_->rank() != 0) return 0.0;
    const moe::LossWeights& w = layer_.config().losses;
    const std::pair<const char*, double> weights[] = {{"switch", w.switch_loss},
                                                      {"gshard", w.gshard},
                                                      {"importance", w.importance},
                                                      {"load", w.load},
                                                      {"z", w.z},
                                                      {"sequence", w.sequence},
                                                      {"global_batch", w.global_batch}};
    double sum = 0.0;
    for (const auto& [name, value] : layer_.telemetry().losses) {
      for (const auto& [known, weight] : weights) sum += name == known ? weight * value : 0.0;
    }
    return sum;
  }

  static double dot(const Tensor& a, const Tensor& b) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < a.size(); ++i) {
      sum += a.dtype() == DType::kFloat64 ? a.data<double>()[i] * b.data<double>()[i]
                                          : static_cast<double>(a.data<float>()[i]) * b.data<float>()[i];
    }
    return sum;
  }

  bool is_shared(const nn::Parameter& parameter) const { return !parameter.name().starts_with("experts"); }

  std::vector<Tensor> take_gradients() {
    std::vector<Tensor> gradients;
    for (const nn::ParameterPtr& parameter : list_.all()) {
      if (is_shared(*parameter)) {
        gradients.push_back(parameter->take_own(ctx_));
        comm_->all_reduce(ctx_, gradients.back(), comm::Reduce::kSum);
      } else {
        gradients.push_back(parameter->take_gradient(ctx_));
      }
    }
    return gradients;
  }

  const nn::Parameter& find(const std::string& name) const {
    for (const nn::ParameterPtr& parameter : list_.all()) {
      if (parameter->name() == name) return *parameter;
    }
    fail<ConfigError>("MoELayer", "name", "a parameter of the layer", '"' + name + '"');
  }

  Context ctx_;
  DType compute_;
  CommunicatorPtr comm_;
  nn::ParameterList list_;
  moe::Layer layer_;
  std::mutex busy_;
  Tensor held_x_, held_dy_;
};

}  // namespace
}  // namespace wudao::python

void bind_moe_layer(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<LayerObject>(m, "MoELayer")
      .def(py::init<const py::dict&, std::uint64_t, const std::string&, wudao::comm::Communicator*>(),
           py::arg("config"), py::arg("seed"), py::arg("dtype"), py::arg("comm").none(true), py::keep_alive<1, 5>())
      .def("forward", &LayerObject::forward, py::arg("x"), py::arg("train"), py::arg("step"))
      .def("loss_and_gradients", &LayerObject::loss_and_gradients, py::arg("x"), py::arg("dy"), py::arg("train"),
           py::arg("step"))
      .def("hold", &LayerObject::hold, py::arg("x"), py::arg("dy"))
      .def("run_held", &LayerObject::run_held, py::arg("backward"))
      .def("get", &LayerObject::get, py::arg("name"))
      .def("touch", &LayerObject::touch)
      .def("names", &LayerObject::names)
      .def_property_readonly("telemetry", &LayerObject::telemetry)
      .def_property_readonly("bias", &LayerObject::bias)
      .def_property_readonly("held", &LayerObject::held);
}
