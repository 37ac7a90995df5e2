// _core.GLM: the model. wudao_rt.GLM documents it.
#include "glm.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "moe.h"
#include "runtime.h"
#include "wudao/base/error.h"
#include "wudao/base/hash.h"
#include "wudao/comm/self.h"

namespace wudao::python {
namespace {

// What a CogView has beside what a GLM has.
void read_cogview(const py::dict& dict, model::GLMConfig& config) {
  config.picture_ids = dict["image_codes"].cast<std::int64_t>();
  config.sandwich = dict["sandwich"].cast<bool>();
  config.embedding_gradient = dict["embedding_gradient"].cast<double>();
  config.norm_scaling = parse_norm_scaling("CogViewConfig", dict["norm_scaling"].cast<std::string>());
}

model::GLMConfig read_config(const py::dict& dict) {
  model::GLMConfig config;
  config.vocab_size = dict["vocab_size"].cast<std::int64_t>();
  config.hidden_size = dict["hidden_size"].cast<std::int64_t>();
  config.num_layers = dict["num_layers"].cast<std::int64_t>();
  config.num_heads = dict["num_heads"].cast<std::int64_t>();
  config.max_positions = dict["max_positions"].cast<std::int64_t>();
  config.block_positions = dict["block_positions"].cast<bool>();
  config.dropout = dict["dropout"].cast<double>();
  config.unpadded_vocab_size = dict["unpadded_vocab_size"].cast<std::int64_t>();
  config.init_std = dict["init_std"].cast<double>();
  if (dict.contains("sandwich")) read_cogview(dict, config);
  const std::string activation = py::str(dict["activation"]);
  if (activation != "gelu_tanh" && activation != "gelu_erf") {
    fail<ConfigError>("GLMConfig", "activation", "gelu_tanh or gelu_erf", '"' + activation + '"');
  }
  config.activation = activation == "gelu_tanh" ? ops::Activation::kGeluTanh : ops::Activation::kGeluErf;
  if (dict.contains("experts")) {
    config.experts = read_layer(dict["experts"].cast<py::dict>());
    config.moe_layers = dict["moe_layers"].cast<std::vector<bool>>();
  }
  return config;
}

nn::Parameter& find(const GlmObject& self, const std::string& name) {
  for (const nn::ParameterPtr& parameter : self.glm.parameters()) {
    if (parameter->name() == name) return *parameter;
  }
  fail<ConfigError>("state_dict", "name", "a parameter of the model", '"' + name + '"');
}

py::array get(GlmObject& self, const std::string& name, bool copy) {
  self.glm.require_values("state_dict");
  const nn::Parameter& parameter = find(self, name);
  if (parameter.quantized() != nullptr) self.glm.require_float_weights("state_dict");
  const Tensor& value = parameter.value();
  const py::array view = to_numpy_read_only(value);
  return copy ? py::array(view.attr("copy")()) : view;
}

void check_fits(const char* op, const nn::Parameter& parameter, const Tensor& fresh) {
  if (fresh.shape() == parameter.value().shape()) return;
  fail<ShapeError>(op, parameter.name(), text("shape ", to_text(parameter.value().shape())), to_text(fresh.shape()),
                   "Is the checkpoint of another configuration?");
}

void set(GlmObject& self, const std::string& name, const py::object& array) {
  self.glm.require_values("load_state_dict");
  const nn::Parameter& parameter = find(self, name);
  if (parameter.quantized() != nullptr) self.glm.require_float_weights("load_state_dict");
  const Tensor& value = parameter.value();
  const Tensor fresh = float_tensor("load_state_dict", name.c_str(), array, value.dtype());
  check_fits("load_state_dict", parameter, fresh);
  const std::lock_guard lock(self.busy);
  std::memcpy(value.raw(), fresh.raw(), value.bytes());
  value.storage().touch();
}

// Part `index` of a parameter, of the experts of a bank that this process holds.
void set_part(GlmObject& self, const std::string& name, std::int64_t index, const py::object& array) {
  self.glm.require_values("load_state_dict");
  const Tensor& value = find(self, name).value();
  const Tensor to = value.rows(index, 1);
  const Tensor fresh = float_tensor("load_state_dict", name.c_str(), array, value.dtype());
  if (fresh.size() != to.size()) {
    fail<ShapeError>("load_state_dict", name, text(to.size(), " values for one expert"), to_text(fresh.shape()));
  }
  const std::lock_guard lock(self.busy);
  std::memcpy(to.raw(), fresh.raw(), to.bytes());
  value.storage().touch();
}

// The layers of experts: their place, what this process holds of them, and by what their gates are biased.
py::list expert_layers(GlmObject& self) {
  py::list out;
  for (const moe::Layer* layer : self.glm.expert_layers()) {
    py::list banks;
    for (const moe::Bank& bank : layer->experts().banks()) {
      py::list names;
      for (const auto& p : {bank.up_weight, bank.up_bias, bank.down_weight, bank.down_bias}) names.append(p->name());
      banks.append(py::make_tuple(bank.first, bank.count, names));
    }
    const py::object bias = layer->bias().defined() ? py::object(to_numpy(layer->bias())) : py::none();
    out.append(py::make_tuple(layer->name(), banks, bias));
  }
  return out;
}

// What the layers of experts saw in the last batch.
py::list telemetry(GlmObject& self) {
  py::list out;
  for (const moe::Layer* layer : self.glm.expert_layers()) {
    const moe::Telemetry& seen = layer->telemetry();
    py::dict losses;
    for (const auto& [name, value] : seen.losses) losses[py::str(name)] = value;
    out.append(py::dict(py::arg("counts") = seen.counts, py::arg("dropped") = seen.dropped, py::arg("losses") = losses,
                        py::arg("route_seconds") = seen.seconds.route,
                        py::arg("exchange_seconds") = seen.seconds.exchange,
                        py::arg("expert_seconds") = seen.seconds.experts));
  }
  return out;
}

// Memory that may be written at the natural places of its type can be values; anything else is copied.
bool can_be_values(const py::array& array) {
  const auto aligned = reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::size_t>(array.itemsize()) == 0;
  return aligned && array.writeable();
}

// The arrays become the values, without a copy of those that have the values' type already.
void adopt(GlmObject& self, const py::dict& arrays) {
  std::vector<Tensor> fresh;
  for (const nn::ParameterPtr& parameter : self.glm.parameters()) {
    const char* const name = parameter->name().c_str();
    if (!arrays.contains(name)) fail<ConfigError>("GLM", name, "an array", "none");
    fresh.push_back(parameter->value());
    if (arrays[name].is_none()) continue;  // its codes are about to come
    py::array array = py::array::ensure(arrays[name]);
    if (array && !can_be_values(array)) array = py::array(array.attr("copy")());
    fresh.back() = float_tensor("GLM", name, array ? array : arrays[name], parameter->value().dtype());
    check_fits("GLM", *parameter, fresh.back());
  }
  const std::lock_guard lock(self.busy);
  for (std::size_t i = 0; i < fresh.size(); ++i) self.glm.parameters()[i]->set_value(std::move(fresh[i]));
}

// Codes (out, in) or (out, in / 2) of uint8 and scales (out, groups) of float32 take the place of a weight.
void quantize(GlmObject& self, const std::string& name, const py::array& codes, const py::array& scales, int bits,
              int activation_bits) {
  constexpr const char* op = "quantize";
  self.glm.require_values(op);
  nn::Parameter& parameter = find(self, name);
  const Shape shape = parameter.value().shape();
  const std::int64_t in = shape.back();
  const bool table = name == "word_embeddings.weight";
  if (!table && !name.starts_with("transformer.layers.")) {
    fail<ConfigError>(op, "name", "a linear layer of a block or word_embeddings.weight", '"' + name + '"');
  }
  if (bits != 8 && (bits != 4 || table)) fail<ConfigError>(op, "bits", table ? "8" : "8 or 4", text(bits));
  if (activation_bits != 8 && activation_bits != 16) {
    fail<ConfigError>(op, "activation_bits", "8 or 16", text(activation_bits));
  }
  if (self.glm.compute() == DType::kFloat64) fail<DTypeError>(op, "dtype", "float32 or bfloat16", "float64");
  const std::int64_t multiple = bits == 8 ? 4 : kernels::kFourBitGroup;
  if (shape.size() != 2 || in % multiple != 0 || in > kernels::kQuantizedWidest) {
    fail<ShapeError>(
        op, name, text("a matrix whose rows are a multiple of ", multiple, " and at most ", kernels::kQuantizedWidest),
        to_text(shape));
  }
  const Tensor bytes = uint8_tensor(op, "codes", codes), factors = float_tensor(op, "scales", scales, DType::kFloat32);
  const Shape wanted = {shape[0], in * bits / 8}, groups = {shape[0], in / kernels::quantized_group(bits, in)};
  if (bytes.shape() != wanted) fail<ShapeError>(op, "codes", to_text(wanted), to_text(bytes.shape()));
  if (factors.shape() != groups) fail<ShapeError>(op, "scales", to_text(groups), to_text(factors.shape()));
  const std::lock_guard lock(self.busy);
  parameter.quantize({bytes, factors, bits, activation_bits});
}

// (codes, scales, bits, activation_bits), or None where a weight is not quantised.
py::object quantized(GlmObject& self, const std::string& name) {
  const ops::Quantized* weight = find(self, name).quantized();
  if (weight == nullptr) return py::none();
  return py::make_tuple(to_numpy_read_only(weight->codes), to_numpy_read_only(weight->scales), weight->bits,
                        weight->activation_bits);
}

py::array logits(GlmObject& self, const py::object& ids, const py::object& positions, const py::object& block_positions,
                 const py::object& sep, const py::object& mask) {
  self.glm.require_values("logits");
  const model::Inputs inputs = read_inputs("logits", self.glm.config(), ids, positions, block_positions, sep, mask);
  Tensor out;
  {
    const py::gil_scoped_release release;
    const std::lock_guard lock(self.busy);
    Tape tape(self.ctx, false);
    out = self.glm.logits(self.ctx, self.glm.hidden(tape, inputs, {}).value);
  }
  const std::int64_t samples = inputs.visible.batch;
  return to_numpy(out.reshape({samples, out.dim(0) / samples, out.dim(1)}));
}

void start_profile(GlmObject& self) {
  const std::lock_guard lock(self.busy);
  self.ctx.profile = std::make_shared<Profile>();
}

// [(name, where, phase, worker, begin, end)], the times in nanoseconds of Python's time.monotonic_ns().
py::list stop_profile(GlmObject& self) {
  const std::lock_guard lock(self.busy);
  py::list out;
  if (self.ctx.profile == nullptr) return out;
  for (const ProfileEvent& e : self.ctx.profile->events()) {
    out.append(py::make_tuple(e.name, e.where, e.phase, e.worker, e.begin, e.end));
  }
  self.ctx.profile = nullptr;
  return out;
}

double loss(GlmObject& self, const py::dict& batch, const py::kwargs& options) {
  self.glm.require_values("loss");
  const train::Batch data = read_batch("loss", self.glm.config(), batch);
  const train::PassOptions pass = read_pass_options(options);
  const py::gil_scoped_release release;
  const std::lock_guard lock(self.busy);
  return train::run_batch(self.ctx, self.glm, train::Grid::alone(), data, pass, false);
}

py::tuple loss_and_gradients(GlmObject& self, const py::dict& batch, const py::kwargs& options) {
  self.glm.require_values("loss_and_gradients");
  self.glm.require_float_weights("loss_and_gradients");
  const train::Batch data = read_batch("loss_and_gradients", self.glm.config(), batch);
  const train::PassOptions pass = read_pass_options(options);
  double value = 0.0;
  std::vector<Tensor> gradients;
  {
    const py::gil_scoped_release release;
    const std::lock_guard lock(self.busy);
    value = train::run_batch(self.ctx, self.glm, train::Grid::alone(), data, pass, true);
    for (const nn::ParameterPtr& parameter : self.glm.parameters())
      gradients.push_back(parameter->take_gradient(self.ctx));
  }
  py::dict out;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    out[py::str(self.glm.parameters()[i]->name())] = to_numpy(gradients[i]);
  }
  return py::make_tuple(value, out);
}

std::set<const nn::Parameter*> parameters_of_experts(const GlmObject& self) {
  std::set<const nn::Parameter*> out;
  for (const moe::Layer* layer : self.glm.expert_layers()) {
    for (const moe::Bank& bank : layer->experts().banks()) {
      for (const auto& p : {bank.up_weight, bank.up_bias, bank.down_weight, bank.down_bias}) out.insert(p.get());
    }
  }
  return out;
}

// (name, hashes) of a tensor in equal parts.
py::tuple hashed(GlmObject& self, const std::string& name, const Tensor& value, std::int64_t parts) {
  std::vector<Bytes> bytes;
  const std::size_t size = parts == 0 ? 0 : value.bytes() / static_cast<std::size_t>(parts);
  for (std::int64_t p = 0; p < parts; ++p) {
    bytes.push_back({value.data<std::byte>() + static_cast<std::size_t>(p) * size, size});
  }
  const std::vector<std::uint64_t> found = hash_all(*self.ctx.pool, bytes);
  return py::make_tuple(name, py::array_t<std::uint64_t>(static_cast<py::ssize_t>(found.size()), found.data()));
}

// Of the parameters, one for each expert where they belong to experts; and of what the gates are biased by.
py::list hashes(GlmObject& self) {
  self.glm.require_values("hashes");
  self.glm.require_float_weights("hashes");
  py::list out;
  const auto of_experts = parameters_of_experts(self);
  for (const nn::ParameterPtr& parameter : self.glm.parameters()) {
    const Tensor& value = parameter->value();
    out.append(hashed(self, parameter->name(), value, of_experts.contains(parameter.get()) ? value.dim(0) : 1));
  }
  for (const moe::Layer* layer : self.glm.expert_layers()) {
    if (layer->bias().defined()) out.append(hashed(self, layer->name() + "gate.bias", layer->bias(), 1));
  }
  return out;
}

std::vector<std::string> names(const GlmObject& self) {
  std::vector<std::string> out;
  for (const nn::ParameterPtr& parameter : self.glm.parameters()) out.push_back(parameter->name());
  return out;
}

}  // namespace

std::shared_ptr<comm::Communicator> borrowed(comm::Communicator* comm) {
  if (comm == nullptr) return comm::make_self();
  return {comm, [](comm::Communicator*) {}};
}

GlmObject::GlmObject(const py::dict& config, const std::string& dtype, std::uint64_t seed, bool dry_run,
                     comm::Communicator* comm)
    : ctx(runtime().context()), glm(ctx, read_config(config), parse_dtype(dtype), seed, dry_run, borrowed(comm)) {}

}  // namespace wudao::python

void bind_glm(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<GlmObject>(m, "GLM")
      .def(py::init<const py::dict&, const std::string&, std::uint64_t, bool, wudao::comm::Communicator*>(),
           py::arg("config"), py::arg("dtype"), py::arg("seed"), py::arg("dry_run") = false,
           py::arg("comm").none(true) = py::none(), py::keep_alive<1, 6>())
      .def_property_readonly("parameter_count",
                             [](const GlmObject& self) {
                               std::int64_t count = 0;
                               for (const auto& parameter : self.glm.parameters()) count += parameter->value().size();
                               return count;
                             })
      .def(
          "require_values", [](const GlmObject& self, const std::string& op) { self.glm.require_values(op); },
          py::arg("op"))
      .def("names", &names)
      .def("hashes", &hashes)
      .def("shape", [](const GlmObject& self,
                       const std::string& name) { return py::tuple(py::cast(find(self, name).value().shape())); })
      .def("get", &get, py::arg("name"), py::arg("copy") = true)
      .def("set", &set, py::arg("name"), py::arg("array"))
      .def("adopt", &adopt, py::arg("arrays"))
      .def("set_part", &set_part, py::arg("name"), py::arg("index"), py::arg("array"))
      .def_property_readonly("expert_layers", &expert_layers)
      .def_property_readonly("telemetry", &telemetry)
      .def("quantize", &quantize, py::arg("name"), py::arg("codes"), py::arg("scales"), py::arg("bits"),
           py::arg("activation_bits"))
      .def("quantized", &quantized, py::arg("name"))
      .def("logits", &logits, py::arg("ids"), py::arg("positions"), py::arg("block_positions"),
           py::arg("sep") = py::none(), py::arg("mask") = py::none())
      .def("loss", &loss, py::arg("batch"))
      .def("start_profile", &start_profile)
      .def("stop_profile", &stop_profile)
      .def("loss_and_gradients", &loss_and_gradients, py::arg("batch"));
}
