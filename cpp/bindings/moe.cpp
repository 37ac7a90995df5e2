// _core.route: which experts see a token, on NumPy arrays.
#include "moe.h"

#include <pybind11/stl.h>

#include "runtime.h"
#include "wudao/base/error.h"

namespace wudao::python {
namespace {

moe::GateKind parse_kind(const std::string& name) {
  using enum moe::GateKind;
  const std::pair<const char*, moe::GateKind> known[] = {
      {"naive", kNaive}, {"noisy", kNoisy}, {"switch", kSwitch}, {"gshard", kGShard}, {"group_limited", kGroupLimited},
      {"bias", kBias}};
  for (const auto& [word, kind] : known) {
    if (name == word) return kind;
  }
  fail<ConfigError>("route", "gate", "naive, noisy, switch, gshard, group_limited or bias", '"' + name + '"');
}

moe::Drop parse_drop(const std::string& name) {
  if (name == "probability") return moe::Drop::kProbability;
  if (name == "position") return moe::Drop::kPosition;
  fail<ConfigError>("route", "drop", "probability or position", '"' + name + '"');
}

}  // namespace

moe::Gate read_gate(const py::dict& dict) {
  moe::Gate gate;
  gate.kind = parse_kind(py::str(dict["name"]));
  gate.k = dict["k"].cast<int>();
  gate.expert_groups = dict["expert_groups"].cast<int>();
  gate.topk_groups = dict["topk_groups"].cast<int>();
  gate.capacity_factor = dict["capacity_factor"].cast<double>();
  gate.min_capacity = dict["min_capacity"].cast<int>();
  gate.drop = parse_drop(py::str(dict["drop"]));
  gate.groups = dict["groups"].cast<int>();
  gate.sequence_length = dict["sequence_length"].cast<int>();
  gate.train = dict["train"].cast<bool>();
  return gate;
}

moe::LayerConfig read_layer(const py::dict& dict) {
  moe::LayerConfig config;
  config.hidden = dict["hidden_size"].cast<std::int64_t>();
  for (const auto& [count, width] : dict["classes"].cast<std::vector<std::pair<std::int64_t, std::int64_t>>>()) {
    config.classes.push_back({count, width});
  }
  config.shared_width = dict["shared_width"].cast<std::int64_t>();
  const std::string activation = py::str(dict["activation"]);
  config.activation = activation == "gelu_erf" ? kernels::Activation::kGeluErf : kernels::Activation::kGeluTanh;
  config.gate = read_gate(dict["gate"].cast<py::dict>());
  config.losses = read_weights(dict["losses"].cast<py::dict>());
  config.picture_experts = dict["picture_experts"].cast<std::int64_t>();
  config.bias_rate = dict["bias_rate"].cast<double>();
  config.jitter = dict["jitter"].cast<double>();
  config.std = config.gate_std = dict["init_std"].cast<double>();
  config.output_std = dict["output_std"].cast<double>();
  config.exchange =
      std::string(py::str(dict["exchange"])) == "two_level" ? moe::ExchangeKind::kTwoLevel : moe::ExchangeKind::kFlat;
  config.supernode = dict["supernode_size"].cast<int>();
  return config;
}

moe::LossWeights read_weights(const py::dict& dict) {
  moe::LossWeights weights;
  for (const auto& [key, value] : dict) {
    const std::string name = py::str(key);
    const auto weight = value.cast<double>();
    if (name == "switch") {
      weights.switch_loss = weight;
    } else if (name == "gshard") {
      weights.gshard = weight;
    } else if (name == "importance") {
      weights.importance = weight;
    } else if (name == "load") {
      weights.load = weight;
    } else if (name == "z") {
      weights.z = weight;
    } else if (name == "sequence") {
      weights.sequence = weight;
    } else if (name == "global_batch") {
      weights.global_batch = weight;
    } else {
      fail<ConfigError>("route", "losses", "switch, gshard, importance, load, z, sequence or global_batch", name);
    }
  }
  return weights;
}

namespace {

struct RoutingObject {
  Context ctx;
  moe::Gate gate;
  moe::Tokens tokens;
  moe::Routing routing;
};

std::unique_ptr<RoutingObject> route(const py::object& logits, const py::dict& options, const py::object& noise_logits,
                                     const py::object& bias, std::uint64_t seed, std::uint32_t step,
                                     comm::Communicator* comm) {
  auto made = std::make_unique<RoutingObject>();
  made->ctx = runtime().context();
  made->gate = read_gate(options);
  const bool wide = py::isinstance<py::array>(logits) && py::array(logits).dtype().itemsize() == 8 &&
                    py::array(logits).dtype().kind() == 'f';
  const DType dtype = wide ? DType::kFloat64 : DType::kFloat32;
  moe::Tokens& tokens = made->tokens;
  tokens.logits = float_tensor("route", "logits", logits, dtype);
  if (!noise_logits.is_none()) tokens.noise_logits = float_tensor("route", "noise_logits", noise_logits, dtype);
  if (!bias.is_none()) tokens.bias = float_tensor("route", "bias", bias, DType::kFloat64);
  tokens.seed = seed;
  tokens.step = step;
  tokens.total = tokens.logits.rank() > 0 ? tokens.logits.dim(0) : 0;
  const py::gil_scoped_release release;
  made->routing = moe::route(made->ctx, made->gate, tokens, comm);
  return made;
}

py::tuple gradients(RoutingObject& self, const py::object& dweights, const py::dict& losses) {
  const Tensor& weights = self.routing.weights;
  const Tensor pulls = dweights.is_none() ? self.ctx.zeros(weights.shape(), weights.dtype())
                                          : float_tensor("route", "dweights", dweights, weights.dtype());
  const moe::LossWeights shares = read_weights(losses);
  moe::RouteGradients found;
  {
    const py::gil_scoped_release release;
    found = moe::route_backward(self.ctx, self.gate, self.tokens, self.routing, pulls, shares);
  }
  const py::object noise = found.noise_logits.defined() ? py::object(to_numpy(found.noise_logits)) : py::none();
  return py::make_tuple(to_numpy(found.logits), noise);
}

py::dict losses(const RoutingObject& self) {
  py::dict out;
  for (const auto& [name, value] : self.routing.losses) out[py::str(name)] = value;
  return out;
}

}  // namespace
}  // namespace wudao::python

void bind_moe(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<RoutingObject>(m, "Routing")
      .def_property_readonly("indices", [](const RoutingObject& self) { return to_numpy(self.routing.indices); })
      .def_property_readonly("weights", [](const RoutingObject& self) { return to_numpy(self.routing.weights); })
      .def_property_readonly("counts", [](const RoutingObject& self) { return to_numpy(self.routing.counts); })
      .def_property_readonly("dropped", [](const RoutingObject& self) { return to_numpy(self.routing.dropped); })
      .def_property_readonly("losses", &losses)
      .def("gradients", &gradients, py::arg("dweights"), py::arg("losses"));
  m.def("route", &route, py::arg("logits"), py::arg("options"), py::arg("noise_logits"), py::arg("bias"),
        py::arg("seed"), py::arg("step"), py::arg("comm").none(true), "Route tokens; wudao_rt.moe.route documents it.");
}
