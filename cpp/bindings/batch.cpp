// Reads batches and options from Python.
#include <algorithm>
#include <cmath>

#include "glm.h"
#include "wudao/base/error.h"
#include "wudao/ops/op.h"

namespace wudao::python {
namespace {

Tensor flat(const char* op, const char* argument, const Tensor& tensor, const Shape& expected) {
  ops::check_shape(op, argument, tensor, expected);
  return tensor.reshape({tensor.size()});
}

void read_visibility(const char* op, const py::object& sep, const py::object& mask, std::int64_t batch,
                     std::int64_t length, Tensor& sep_out, Tensor& mask_out) {
  if (sep.is_none() == mask.is_none()) {
    fail<ShapeError>(op, "mask", "exactly one of sep and mask", sep.is_none() ? "neither" : "both");
  }
  if (!sep.is_none()) {
    sep_out = int32_tensor(op, "sep", sep);
    ops::check_shape(op, "sep", sep_out, {batch});
    ops::check_ids(op, "sep", sep_out, length + 1);
  } else {
    mask_out = bool_tensor(op, "mask", mask);
    ops::check_shape(op, "mask", mask_out, {batch, length, length});
  }
}

py::object get(const py::dict& dict, const char* key) {
  return dict.contains(key) ? py::object(dict[key]) : py::object(py::none());
}

py::object require(const char* op, const py::dict& dict, const char* key) {
  if (!dict.contains(key)) fail<ConfigError>(op, "batch", text("an entry \"", key, '"'), "none");
  return dict[key];
}

}  // namespace

model::Inputs read_inputs(const char* op, const model::GLMConfig& config, const py::object& ids,
                          const py::object& positions, const py::object& block_positions, const py::object& sep,
                          const py::object& mask) {
  const Tensor tokens = int32_tensor(op, "ids", ids);
  ops::check_matrix(op, "ids", tokens);
  if (tokens.size() == 0) fail<ShapeError>(op, "ids", "at least one token", to_text(tokens.shape()));
  ops::check_ids(op, "ids", tokens, config.vocab_size);
  const std::int64_t rows = config.max_positions + (config.block_positions ? 1 : 0);
  model::Inputs inputs;
  inputs.ids = tokens.reshape({tokens.size()});
  inputs.positions = flat(op, "positions", int32_tensor(op, "positions", positions), tokens.shape());
  ops::check_ids(op, "positions", inputs.positions, rows);
  inputs.block_positions = flat(op, "block_positions", int32_tensor(op, "block_positions", block_positions), tokens.shape());
  if (config.block_positions) ops::check_ids(op, "block_positions", inputs.block_positions, rows);
  inputs.visible.batch = tokens.dim(0);
  read_visibility(op, sep, mask, tokens.dim(0), tokens.dim(1), inputs.visible.sep, inputs.visible.mask);
  return inputs;
}

train::Batch read_batch(const char* op, const model::GLMConfig& config, const py::dict& dict) {
  const model::Inputs inputs = read_inputs(op, config, require(op, dict, "ids"), require(op, dict, "positions"),
                                           require(op, dict, "block_positions"), get(dict, "sep"), get(dict, "mask"));
  const std::int64_t samples = inputs.visible.batch;
  const Shape shape = {samples, inputs.ids.size() / samples};
  train::Batch batch{samples, shape[1], inputs.ids, inputs.positions, inputs.block_positions, {},
                     inputs.visible.sep, inputs.visible.mask, {}};
  batch.targets = flat(op, "targets", int32_tensor(op, "targets", require(op, dict, "targets")), shape);
  const std::int64_t limit = config.unpadded_vocab_size > 0 ? config.unpadded_vocab_size : config.vocab_size;
  ops::check_ids(op, "targets", batch.targets, limit);
  batch.loss_mask = flat(op, "loss_mask", float_tensor(op, "loss_mask", require(op, dict, "loss_mask"), DType::kFloat64), shape);
  const double* weights = batch.loss_mask.data<double>();
  if (std::any_of(weights, weights + batch.loss_mask.size(), [](double w) { return !(w >= 0.0 && std::isfinite(w)); })) {
    fail<ShapeError>(op, "loss_mask", "finite weights of at least 0", "a negative one, infinity or NaN");
  }
  return batch;
}

namespace {

template <class T>
T option(const std::string& name, const py::handle& value, const char* expected) {
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    fail<ConfigError>("loss_and_gradients", name, expected, std::string(py::repr(value)));
  }
}

}  // namespace

train::PassOptions read_pass_options(const py::dict& options) {
  train::PassOptions out;
  for (const auto& [key, value] : options) {
    const std::string name = py::str(key);
    if (name == "shards") out.shards = option<int>(name, value, "a whole number");
    else if (name == "micro_shards") out.micro_shards = option<int>(name, value, "a whole number");
    else if (name == "recompute") out.recompute = option<bool>(name, value, "True or False");
    else if (name == "int8") out.int8 = option<bool>(name, value, "True or False");
    else if (name == "dropout") out.dropout = option<bool>(name, value, "True or False");
    else if (name == "training") out.training = option<bool>(name, value, "True or False");
    else if (name == "seed") out.seed = option<std::uint64_t>(name, value, "a whole number of at least 0");
    else if (name == "step") out.step = option<std::uint32_t>(name, value, "a whole number of at least 0");
    else if (name == "loss_scale") out.loss_scale = option<double>(name, value, "a power of two");
    else fail<ConfigError>("loss_and_gradients", "option", "shards, micro_shards, recompute, int8, dropout, training, loss_scale, seed or step", name);
  }
  return out;
}

}  // namespace wudao::python
