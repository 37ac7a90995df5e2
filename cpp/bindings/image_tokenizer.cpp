// _core.ImageTokenizer: pictures to codes and back, and one optimizer step. wudao_rt.image documents it.
#include <pybind11/stl.h>

#include <cstring>
#include <mutex>
#include <optional>

#include "arrays.h"
#include "glm.h"
#include "optimizer.h"
#include "runtime.h"
#include "wudao/base/error.h"
#include "wudao/train/codebook.h"
#include "wudao/train/reduce.h"
#include "wudao/train/tokenizer_step.h"

namespace wudao::python {
namespace {

vq::Quantizer parse_quantizer(const std::string& name) {
  if (name == "vq") return vq::Quantizer::kBook;
  if (name == "gumbel") return vq::Quantizer::kGumbel;
  if (name == "fsq") return vq::Quantizer::kFsq;
  fail<ConfigError>("image tokenizer", "quantizer", "vq, gumbel or fsq", name);
}

vq::TokenizerConfig read_config(const py::dict& dict) {
  vq::TokenizerConfig config;
  for (const auto& [key, value] : dict) {
    const std::string name = py::str(key);
    if (name == "simple") {
      config.simple = value.cast<bool>();
      continue;
    }
    if (name == "quantizer") {
      config.quantizer = parse_quantizer(value.cast<std::string>());
      continue;
    }
    if (name == "levels") {
      config.levels = value.cast<std::vector<std::int64_t>>();
      continue;
    }
    const std::pair<const char*, std::int64_t*> counts[] = {{"channels", &config.channels},
                                                            {"halvings", &config.halvings},
                                                            {"residual_blocks", &config.residual_blocks},
                                                            {"residual_channels", &config.residual_channels},
                                                            {"codes", &config.codes},
                                                            {"code_width", &config.code_width}};
    const std::pair<const char*, double*> numbers[] = {{"decay", &config.decay},
                                                       {"epsilon", &config.epsilon},
                                                       {"commitment", &config.commitment},
                                                       {"kl_weight", &config.kl_weight},
                                                       {"absolute", &config.absolute},
                                                       {"squared", &config.squared}};
    bool known = false;
    for (const auto& [wanted, field] : counts) {
      if (name == wanted) *field = value.cast<std::int64_t>(), known = true;
    }
    for (const auto& [wanted, field] : numbers) {
      if (name == wanted) *field = value.cast<double>(), known = true;
    }
    if (!known) fail<ConfigError>("image tokenizer", "key", "a field of VQConfig", name);
  }
  return config;
}

class TokenizerObject {
  // Runs what computes without the GIL and one at a time.
  template <class F>
  auto alone(F&& f) {
    const py::gil_scoped_release release;
    const std::lock_guard lock(busy_);
    return f();
  }

 public:
  // `comm`: the ranks that train it together; null: this process alone.
  TokenizerObject(const py::dict& config, std::uint64_t seed, const std::string& dtype, comm::Communicator* comm)
      : ctx_(runtime().context()),
        comm_(borrowed(comm)),
        sum_(accumulator_of(parse_dtype(dtype))),
        tokenizer_(ctx_, read_config(config), parse_dtype(dtype), seed) {}

  py::array features(const py::object& images) {
    const Tensor x = float_tensor("features", "images", images, sum_);
    return to_numpy(alone([&] { return tokenizer_.features(ctx_, x); }));
  }

  py::array encode(const py::object& images) {
    const Tensor x = float_tensor("encode", "images", images, sum_);
    return to_numpy(alone([&] { return tokenizer_.encode(ctx_, x); }));
  }

  py::array decode(const py::object& codes) {
    const Tensor ids = int32_tensor("decode", "codes", codes);
    return to_numpy(alone([&] { return tokenizer_.decode(ctx_, ids); }));
  }

  // ({"pixels", "commitment" or "kl"}, the gradients of the parameters by name); the book has seen the pictures.
  py::tuple loss_and_gradients(const py::object& images, int shards, int micro_shards, double tau, std::uint64_t seed,
                               std::uint32_t number) {
    const Tensor x = float_tensor("loss_and_gradients", "images", images, sum_);
    std::vector<Tensor> gradients;
    const train::TokenizerLosses losses = alone([&] {
      const train::TokenizerLosses found =
          train::learn_batch(ctx_, *comm_, tokenizer_, {x, shards, micro_shards, tau, seed, number});
      gradients = train::take_gradients(ctx_, tokenizer_.parameters(), *comm_, shards);
      return found;
    });
    py::dict named;
    for (std::size_t i = 0; i < gradients.size(); ++i)
      named[py::str(tokenizer_.parameters()[i]->name())] = to_numpy(gradients[i]);
    return py::make_tuple(of_losses(losses), named);
  }

  void optimize_with(const py::dict& optimizer) {
    optimizer_.emplace(ctx_, tokenizer_.parameters(), read_optimizer(optimizer));
  }

  py::dict step(const py::object& images, double lr, double clip, int shards, int micro_shards, double tau,
                std::uint64_t seed, std::uint32_t number) {
    if (!optimizer_) fail<ConfigError>("train", "optimizer", "one", "none", "Call optimize_with first.");
    const Tensor x = float_tensor("train", "images", images, sum_);
    const train::TokenizerBatch batch = {x, shards, micro_shards, tau, seed, number};
    const train::TokenizerStep done =
        alone([&] { return train::step(ctx_, *comm_, tokenizer_, *optimizer_, batch, lr, clip); });
    py::dict told = of_losses(done.losses);
    told["grad_norm"] = done.grad_norm;
    told["skipped"] = done.skipped;
    return told;
  }

  void update_codebook() {
    alone([&] { return tokenizer_.require_book("update_codebook").update(ctx_, tokenizer_.assigned()), 0; });
  }

  std::int64_t revive(double least, double size, std::uint64_t seed, std::uint32_t step) {
    return alone([&] { return train::revive(ctx_, *comm_, tokenizer_, {least, size, seed, step}); });
  }

  std::vector<std::int64_t> counts() { return tokenizer_.assigned().counts(); }

  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const nn::ParameterPtr& parameter : tokenizer_.parameters()) names.push_back(parameter->name());
    for (const char* buffer : kBuffers) {
      if (tokenizer_.book() != nullptr) names.emplace_back(buffer);
    }
    return names;
  }

  // A view, valid until the next step.
  py::array get(const std::string& name) { return to_numpy(find(name)); }

  void set(const std::string& name, const py::object& value) {
    const Tensor tensor = find(name), fresh = float_tensor("load", name.c_str(), value, sum_);
    if (fresh.shape() != tensor.shape())
      fail<CheckpointError>("load", name, text("shape ", to_text(tensor.shape())), to_text(fresh.shape()));
    const std::lock_guard lock(busy_);
    std::memcpy(tensor.raw(), fresh.raw(), tensor.bytes());
    tensor.storage().touch();
  }

  std::int64_t steps() const { return optimizer_ ? optimizer_->steps() : 0; }
  void set_steps(std::int64_t steps) {
    if (optimizer_) optimizer_->set_steps(steps);
  }
  std::vector<std::string> state_names() {
    std::vector<std::string> names;
    for_each_state([&](const std::string& name, const Tensor&) { names.push_back(name); });
    return names;
  }

 private:
  static constexpr const char* kBuffers[] = {"quantize_t.embed", "quantize_t.cluster_size", "quantize_t.embed_avg"};

  py::dict of_losses(const train::TokenizerLosses& losses) const {
    py::dict told(py::arg("pixels") = losses.pixels);
    told[tokenizer_.config().quantizer == vq::Quantizer::kGumbel ? "kl" : "commitment"] = losses.second;
    return told;
  }

  template <class F>
  void for_each_state(F&& f) {
    if (!optimizer_) return;
    for (optim::Slot& slot : optimizer_->slots()) {
      f("m." + slot.parameter->name(), slot.m);
      f("v." + slot.parameter->name(), slot.v);
    }
  }

  // A parameter, a buffer of the book or something that the optimizer keeps.
  Tensor find(const std::string& wanted) {
    Tensor found;
    if (vq::Codebook* const book = tokenizer_.book()) {
      const Tensor buffers[] = {book->values(), book->sizes(), book->sums()};
      for (std::size_t i = 0; i < std::size(buffers); ++i) {
        if (wanted == kBuffers[i]) found = buffers[i];
      }
    }
    for (const nn::ParameterPtr& parameter : tokenizer_.parameters()) {
      if (parameter->name() == wanted) found = parameter->value();
    }
    for_each_state([&](const std::string& name, const Tensor& tensor) {
      if (name == wanted) found = tensor;
    });
    if (!found.defined()) fail<CheckpointError>("load", wanted, "a name of the tokenizer's state", "another");
    return found;
  }

  Context ctx_;
  std::shared_ptr<comm::Communicator> comm_;
  DType sum_;
  vq::Tokenizer tokenizer_;
  std::optional<optim::Optimizer> optimizer_;
  std::mutex busy_;
};

}  // namespace
}  // namespace wudao::python

void bind_image_tokenizer(pybind11::module_& m) {
  namespace py = pybind11;
  using wudao::python::TokenizerObject;
  py::class_<TokenizerObject>(m, "ImageTokenizer")
      .def(py::init<const py::dict&, std::uint64_t, const std::string&, wudao::comm::Communicator*>(),
           py::arg("config"), py::arg("seed"), py::arg("dtype"), py::arg("comm").none(true) = py::none(),
           py::keep_alive<1, 5>())
      .def("features", &TokenizerObject::features, py::arg("images"))
      .def("encode", &TokenizerObject::encode, py::arg("images"))
      .def("decode", &TokenizerObject::decode, py::arg("codes"))
      .def("loss_and_gradients", &TokenizerObject::loss_and_gradients, py::arg("images"), py::arg("shards"),
           py::arg("micro_shards"), py::arg("tau") = 1.0, py::arg("seed") = 0, py::arg("number") = 0)
      .def("optimize_with", &TokenizerObject::optimize_with, py::arg("optimizer"))
      .def("step", &TokenizerObject::step, py::arg("images"), py::arg("lr"), py::arg("clip"), py::arg("shards"),
           py::arg("micro_shards"), py::arg("tau") = 1.0, py::arg("seed") = 0, py::arg("number") = 0)
      .def("update_codebook", &TokenizerObject::update_codebook)
      .def("revive", &TokenizerObject::revive, py::arg("least"), py::arg("size"), py::arg("seed"), py::arg("step"))
      .def_property_readonly("counts", &TokenizerObject::counts)
      .def("names", &TokenizerObject::names)
      .def("state_names", &TokenizerObject::state_names)
      .def("get", &TokenizerObject::get, py::arg("name"))
      .def("set", &TokenizerObject::set, py::arg("name"), py::arg("value"))
      .def_property("steps", &TokenizerObject::steps, &TokenizerObject::set_steps);
}
