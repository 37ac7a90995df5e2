// _core.Trainer: one optimizer step is one engine call.
#include <pybind11/stl.h>

#include <cmath>
#include <cstring>

#include "glm.h"
#include "optimizer.h"
#include "runtime.h"
#include "wudao/base/error.h"
#include "wudao/train/recorder.h"

namespace wudao::python {
namespace {

// Python holds the recorder for as long as the call takes.
std::shared_ptr<Observer> observer_of(train::Recorder* recorder) { return {recorder, [](Observer*) {}}; }

// [(what, shard, hashes of its parts)], in the order in which they were computed.
py::list entries(const train::Recorder& self) {
  py::list out;
  for (const train::Recorder::Entry& entry : self.entries()) {
    const py::array_t<std::uint64_t> hashes(static_cast<py::ssize_t>(entry.hashes.size()), entry.hashes.data());
    out.append(py::make_tuple(entry.what, entry.shard, hashes));
  }
  return out;
}

struct TrainerObject {
  // `world`: all ranks, row after row; `column`: those that hold the same experts. Null: this process is alone.
  TrainerObject(GlmObject& model, const py::dict& optimizer, comm::Communicator* world, comm::Communicator* column)
      : owner(with_values(model)),
        trainer(model.ctx, model.glm, read_optimizer(optimizer),
                {borrowed(world), model.glm.comm(), borrowed(column)}) {}
  static GlmObject& with_values(GlmObject& model) {
    model.glm.require_values("train");
    model.glm.require_float_weights("train");
    return model;
  }
  GlmObject& owner;
  train::Trainer trainer;
};

py::dict step(TrainerObject& self, const py::dict& batch, double lr, double muon_lr, double clip,
              train::Recorder* recorder, const py::kwargs& options) {
  const train::Batch data = read_batch("train", self.owner.glm.config(), batch);
  train::StepOptions settings{read_pass_options(options), {lr, muon_lr, 1.0}, clip};
  if (recorder != nullptr) settings.pass.observer = observer_of(recorder);
  train::StepResult result;
  {
    const py::gil_scoped_release release;
    const std::lock_guard lock(self.owner.busy);
    result = self.trainer.step(self.owner.ctx, data, settings);
  }
  if (recorder != nullptr) recorder->losses = result.losses;
  return py::dict(py::arg("loss") = result.loss, py::arg("grad_norm") = result.grad_norm,
                  py::arg("skipped") = result.skipped, py::arg("reason") = result.reason,
                  py::arg("reduce_seconds") = result.reduce_seconds, py::arg("update_seconds") = result.update_seconds,
                  py::arg("loss_scale") = result.loss_scale);
}

// Computes the gradients of one shard of a batch for the recorder to see; nothing is learned.
void replay(TrainerObject& self, const py::dict& batch, int shard, train::Recorder& recorder,
            const py::kwargs& options) {
  const train::Batch data = read_batch("replay", self.owner.glm.config(), batch);
  train::PassOptions pass = read_pass_options(options);
  pass.observer = observer_of(&recorder);
  pass.only = shard;
  pass.loss_scale = self.trainer.loss_scale().scale;
  if (shard < 0 || self.trainer.grid().ranks() > 1) {
    fail<ConfigError>("replay", "shard", "one of the batch, on one process", text(shard));
  }
  const py::gil_scoped_release release;
  const std::lock_guard lock(self.owner.busy);
  train::run_batch(self.owner.ctx, self.owner.glm, self.trainer.grid(), data, pass, true, &recorder.losses);
  for (const nn::ParameterPtr& parameter : self.owner.glm.parameters()) parameter->clear_gradient();
}

// The loss of a batch that all ranks share; nothing is learned.
double loss(TrainerObject& self, const py::dict& batch, const py::kwargs& options) {
  const train::Batch data = read_batch("loss", self.owner.glm.config(), batch);
  const train::PassOptions pass = read_pass_options(options);
  const py::gil_scoped_release release;
  const std::lock_guard lock(self.owner.busy);
  return train::run_batch(self.owner.ctx, self.owner.glm, self.trainer.grid(), data, pass, false);
}

// Calls f("m.<name>" or "v.<name>", tensor) for everything the optimizer keeps.
template <class F>
void for_each_state(TrainerObject& self, F&& f) {
  for (optim::Slot& slot : self.trainer.optimizer().slots()) {
    if (slot.m.defined()) f("m." + slot.parameter->name(), slot.m);
    if (slot.v.defined()) f("v." + slot.parameter->name(), slot.v);
  }
}

std::vector<std::string> state_names(TrainerObject& self) {
  std::vector<std::string> names;
  for_each_state(self, [&](const std::string& name, const Tensor&) { names.push_back(name); });
  return names;
}

Tensor find_state(TrainerObject& self, const std::string& wanted) {
  Tensor found;
  for_each_state(self, [&](const std::string& name, const Tensor& tensor) {
    if (name == wanted) found = tensor;
  });
  if (!found.defined()) fail<CheckpointError>("resume", wanted, "a name of the optimizer's state", "another");
  return found;
}

// Times so much the gradients are computed, a power of two; see train::LossScale.
void set_loss_scale(TrainerObject& self, double scale, std::int64_t clean, std::int64_t every) {
  int exponent;
  if (!(scale >= 1.0 && scale <= 0x1p60) || std::frexp(scale, &exponent) != 0.5) {
    fail<ConfigError>("train", "loss_scale", "a power of two from 1 to 2^60", text(scale));
  }
  self.trainer.loss_scale() = {scale, clean, every};
}

py::tuple loss_scale(TrainerObject& self) {
  return py::make_tuple(self.trainer.loss_scale().scale, self.trainer.loss_scale().clean);
}

// A view, valid until the next step.
py::array state(TrainerObject& self, const std::string& name) { return to_numpy(find_state(self, name)); }

void set_state(TrainerObject& self, const std::string& name, const py::object& value) {
  const Tensor tensor = find_state(self, name);
  const Tensor fresh = float_tensor("resume", name.c_str(), value, tensor.dtype());
  if (fresh.shape() != tensor.shape()) {
    fail<CheckpointError>("resume", name, text("shape ", to_text(tensor.shape())), to_text(fresh.shape()));
  }
  std::memcpy(tensor.raw(), fresh.raw(), tensor.bytes());
}

}  // namespace
}  // namespace wudao::python

void bind_trainer(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<wudao::train::Recorder>(m, "Recorder")
      .def(py::init([] { return std::make_unique<wudao::train::Recorder>(runtime().context().pool); }))
      .def_property_readonly("entries", &entries)
      .def_readonly("losses", &wudao::train::Recorder::losses)
      .def("disturb", &wudao::train::Recorder::disturb, py::arg("what"), py::arg("shard"),
           "Of tests: flip a bit of what is shown under this name, so that there is a fault to be found.");
  py::class_<TrainerObject>(m, "Trainer")
      .def(py::init<GlmObject&, const py::dict&, wudao::comm::Communicator*, wudao::comm::Communicator*>(),
           py::arg("model"), py::arg("optimizer"), py::arg("world").none(true) = py::none(),
           py::arg("column").none(true) = py::none(), py::keep_alive<1, 2>(), py::keep_alive<1, 4>(),
           py::keep_alive<1, 5>())
      .def("step", &step, py::arg("batch"), py::arg("lr"), py::arg("muon_lr") = 0.0, py::arg("clip") = 0.0,
           py::arg("recorder").none(true) = py::none())
      .def("replay", &replay, py::arg("batch"), py::arg("shard"), py::arg("recorder"))
      .def("loss", &loss, py::arg("batch"))
      .def_property_readonly("loss_scale", &loss_scale)  // (scale, clean steps)
      .def("set_loss_scale", &set_loss_scale, py::arg("scale"), py::arg("clean") = 0, py::arg("every") = 0)
      .def_property_readonly("state_names", &state_names)
      .def("state", &state, py::arg("name"))
      .def("set_state", &set_state, py::arg("name"), py::arg("array"))
      .def_property(
          "steps", [](TrainerObject& self) { return self.trainer.optimizer().steps(); },
          [](TrainerObject& self, std::int64_t steps) { self.trainer.optimizer().set_steps(steps); });
}
