#include "wudao/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "wudao/base/stopwatch.h"
#include "wudao/train/reduce.h"

namespace wudao::train {

Trainer::Trainer(Context& ctx, model::GLM& glm, const optim::OptimizerConfig& config, Grid grid)
    : glm_(glm), grid_(std::move(grid)), optimizer_(ctx, glm.parameters(), config) {}

void LossScale::take(bool finite) {
  if (every == 0) return;
  ++clean;
  if (!finite) {
    scale = std::max(1.0, scale / 2.0);
    clean = 0;
  } else if (clean >= every) {
    scale *= 2.0;
    clean = 0;
  }
}

// All ranks come here together: the norm, and so what is decided by it, is the same on all of them.
std::string Trainer::why_skipped(Context& ctx, const Batch& batch, const PassOptions& pass, double loss) const {
  if (!std::isfinite(loss) || loss_scale_.every == 0 || loss_scale_.scale == 1.0) {
    return find_non_finite(ctx, glm_, grid_, batch, pass);
  }
  const double scale = loss_scale_.scale;
  return text("gradients of float16 overflow at a loss scale of ", scale, ": the next step takes ", scale / 2.0);
}

// Shards that go through one at a time share packed forms of the weights, which a step in one pass does not keep.
void Trainer::forget_packed_forms() const {
  for (const nn::ParameterPtr& parameter : glm_.parameters()) parameter->value().storage().packed().clear();
}

StepResult Trainer::step(Context& ctx, const Batch& batch, const StepOptions& options) {
  StepResult result;
  PassOptions pass = options.pass;
  pass.loss_scale = result.loss_scale = loss_scale_.scale;
  result.loss = run_batch(ctx, glm_, grid_, batch, pass, true, &result.losses);
  if (pass.observer != nullptr) forget_packed_forms();
  const Stopwatch reducing;
  std::vector<Tensor> gradients = take_gradients(ctx, glm_, grid_, options.pass.shards);
  result.reduce_seconds = reducing.seconds();
  const Stopwatch updating;
  result.grad_norm = global_norm(ctx, glm_, grid_, gradients) / pass.loss_scale;
  result.skipped = !std::isfinite(result.loss) || !std::isfinite(result.grad_norm);
  if (result.skipped) {
    gradients.clear();
    result.reason = why_skipped(ctx, batch, pass, result.loss);
  }
  loss_scale_.take(!result.skipped);
  if (result.skipped) return result;
  optim::Rates rates = options.rates;
  rates.grad_scale = optim::clip_factor(result.grad_norm, options.clip) / pass.loss_scale;
  optimizer_.step(ctx, std::move(gradients), rates);
  for (const moe::Layer* layer : glm_.expert_layers()) layer->balance();
  result.update_seconds = updating.seconds();
  return result;
}

}  // namespace wudao::train
