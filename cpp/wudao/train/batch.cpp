#include <cmath>

#include "wudao/train/trainer.h"

namespace wudao::train {
namespace {

void check(const Batch& batch, const PassOptions& options) {
  const int v = options.shards;
  if (v < 1 || (v & (v - 1)) != 0 || batch.batch % v != 0) {
    fail<ConfigError>("train", "virtual_shards", text("a power of two that divides the batch of ", batch.batch), text(v));
  }
  const int micro = options.micro_shards;
  if (micro < 0 || micro > v || (micro & (micro - 1)) != 0) {
    fail<ConfigError>("train", "micro_shards", text("a power of two up to ", v, ", or 0 for all"), text(micro));
  }
}

// loss_mask / sum(loss_mask).
Tensor normalised_weights(Context& ctx, const Tensor& loss_mask) {
  double total = 0.0;
  for (std::int64_t i = 0; i < loss_mask.size(); ++i) total += loss_mask.data<double>()[i];
  if (!(total > 0.0)) {
    fail<ShapeError>("train", "loss_mask", "at least one token to predict in the batch", text("a sum of ", total));
  }
  Tensor weights = ctx.empty(loss_mask.shape(), DType::kFloat64);
  for (std::int64_t i = 0; i < loss_mask.size(); ++i) weights.data<double>()[i] = loss_mask.data<double>()[i] / total;
  return weights;
}

// Samples [first, first + count) of the batch.
model::Inputs slice(const Batch& batch, std::int64_t first, std::int64_t count) {
  const std::int64_t row = first * batch.length, rows = count * batch.length;
  return {batch.ids.rows(row, rows), batch.positions.rows(row, rows), batch.block_positions.rows(row, rows),
          {count, batch.sep.defined() ? batch.sep.rows(first, count) : Tensor(),
           batch.mask.defined() ? batch.mask.rows(first, count) : Tensor()}};
}

double tree_sum(const double* values, int count) {
  return count == 1 ? values[0] : tree_sum(values, count / 2) + tree_sum(values + count / 2, count / 2);
}

// Runs one micro-batch; writes one loss per shard.
void run_micro(Context& ctx, const model::GLM& glm, const Batch& batch, const Tensor& weights, const PassOptions& options,
               bool gradients, const Inspector& inspector, double* losses) {
  const std::int64_t row = ctx.first_sample * batch.length, rows = ctx.samples * batch.length;
  Tape tape(ctx, gradients);
  tape.set_inspector(inspector);
  const Var hidden = glm.hidden(tape, slice(batch, ctx.first_sample, ctx.samples),
                                {options.dropout, options.recompute && gradients, options.int8});
  const Var loss = glm.loss(tape, hidden, batch.targets.rows(row, rows), weights.rows(row, rows));
  for (int s = 0; s < ctx.shards; ++s) losses[s] = loss.value.data<double>()[s];
  if (gradients) tape.backward(loss);
}

double run(Context ctx, const model::GLM& glm, const Batch& batch, const PassOptions& options, bool gradients,
           const std::function<Inspector(int first_shard)>& inspector) {
  check(batch, options);
  const Tensor weights = normalised_weights(ctx, batch.loss_mask);
  const int micro = options.micro_shards > 0 ? options.micro_shards : options.shards;
  ctx.shards = micro;
  ctx.samples = batch.batch / options.shards * micro;
  ctx.all_shards = options.shards;
  ctx.seed = options.seed;
  ctx.step = options.step;
  ctx.packs_anew = gradients && micro == options.shards;
  std::vector<double> losses(static_cast<std::size_t>(options.shards));
  for (int first = 0; first < options.shards; first += micro) {
    ctx.first_shard = first;
    ctx.first_sample = batch.batch / options.shards * first;
    run_micro(ctx, glm, batch, weights, options, gradients, inspector ? inspector(first) : Inspector{}, &losses[first]);
  }
  return tree_sum(losses.data(), options.shards);
}

template <class T>
bool all_finite(const T* values, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    if (!std::isfinite(values[i])) return false;
  }
  return true;
}

// An exponent of all ones is infinity or NaN.
bool all_finite(const BFloat16* values, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    if ((values[i].bits & 0x7F80u) == 0x7F80u) return false;
  }
  return true;
}

bool is_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kFloat32: return all_finite(tensor.data<float>(), tensor.size());
    case DType::kFloat64: return all_finite(tensor.data<double>(), tensor.size());
    case DType::kBFloat16: return all_finite(tensor.data<BFloat16>(), tensor.size());
    default: return true;
  }
}

}  // namespace

double run_batch(Context& ctx, const model::GLM& glm, const Batch& batch, const PassOptions& options, bool gradients) {
  return run(ctx, glm, batch, options, gradients, nullptr);
}

std::string find_non_finite(Context& ctx, const model::GLM& glm, const Batch& batch, const PassOptions& options) {
  for (const nn::ParameterPtr& parameter : glm.parameters()) {
    if (!is_finite(parameter->value())) return "parameter " + parameter->name();
  }
  std::string found;
  const auto inspector = [&](int shard) {
    return [&found, shard](const std::string& where, const char* phase, const Tensor& tensor) {
      if (found.empty() && !is_finite(tensor)) found = text(where, " (", phase, "), shard ", shard);
    };
  };
  PassOptions one = options;
  one.micro_shards = 1;
  run(ctx, glm, batch, one, true, inspector);
  for (const nn::ParameterPtr& parameter : glm.parameters()) {
    if (found.empty() && !is_finite(parameter->take_gradient(ctx))) found = "gradient of " + parameter->name();
    parameter->clear_gradient();
  }
  return found;
}

}  // namespace wudao::train
