#include "wudao/train/trainer.h"

#include <chrono>
#include <cmath>

#include "wudao/train/reduce.h"

namespace wudao::train {

Trainer::Trainer(Context& ctx, model::GLM& glm, const optim::OptimizerConfig& config, Grid grid)
    : glm_(glm), grid_(std::move(grid)), optimizer_(ctx, glm.parameters(), config) {}

// Shards that go through one at a time share packed forms of the weights, which a step in one pass does not keep.
void Trainer::forget_packed_forms() const {
  for (const nn::ParameterPtr& parameter : glm_.parameters()) parameter->value().storage().packed().clear();
}

StepResult Trainer::step(Context& ctx, const Batch& batch, const StepOptions& options) {
  StepResult result;
  result.loss = run_batch(ctx, glm_, grid_, batch, options.pass, true, &result.losses);
  if (options.pass.observer != nullptr) forget_packed_forms();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Tensor> gradients = take_gradients(ctx, glm_, grid_, options.pass.shards);
  result.reduce_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.grad_norm = global_norm(ctx, glm_, grid_, gradients);
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm)) {
    gradients.clear();
    result.skipped = true;
    result.reason = find_non_finite(ctx, glm_, grid_, batch, options.pass);
    return result;
  }
  optim::Rates rates = options.rates;
  rates.grad_scale = optim::clip_factor(result.grad_norm, options.clip);
  optimizer_.step(ctx, std::move(gradients), rates);
  for (const moe::Layer* layer : glm_.expert_layers()) layer->balance();
  return result;
}

}  // namespace wudao::train
