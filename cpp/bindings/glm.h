// The Python object behind wudao_rt.GLM: a model with the context it computes in.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "arrays.h"
#include "wudao/model/glm.h"
#include "wudao/train/trainer.h"

namespace wudao::python {

struct GlmObject {
  // `comm`, of the ranks that share the experts, lives as long as this; null: this process has them all.
  GlmObject(const py::dict& config, const std::string& dtype, std::uint64_t seed, bool dry_run,
            comm::Communicator* comm);

  Context ctx;
  model::GLM glm;
  std::mutex busy;  // one engine call at a time per model: weights are packed on first use
};

// Arrays (B, T) and (B,) or (B, T, T) as the model takes them.
// Null becomes the communicator of this process alone. Python sees to it that the others live long enough.
std::shared_ptr<comm::Communicator> borrowed(comm::Communicator* comm);

model::Inputs read_inputs(const char* op, const model::GLMConfig& config, const py::object& ids,
                          const py::object& positions, const py::object& block_positions, const py::object& sep,
                          const py::object& mask);
train::Batch read_batch(const char* op, const model::GLMConfig& config, const py::dict& batch);
train::PassOptions read_pass_options(const py::dict& options);

}  // namespace wudao::python
