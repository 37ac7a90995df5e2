#include "wudao/train/trainer.h"

#include <cmath>

namespace wudao::train {

Trainer::Trainer(Context& ctx, model::GLM& glm, const optim::OptimizerConfig& config)
    : glm_(glm), optimizer_(ctx, glm.parameters(), config) {}

StepResult Trainer::step(Context& ctx, const Batch& batch, const StepOptions& options) {
  StepResult result;
  const auto& parameters = glm_.parameters();
  result.loss = run_batch(ctx, glm_, batch, options.pass, true);
  std::vector<Tensor> gradients;
  double squares = 0.0;
  for (const nn::ParameterPtr& parameter : parameters) {
    const Profile::Span span(ctx.profile.get(), "gradient_norm", parameter->name(), "update");
    gradients.push_back(parameter->take_gradient(ctx));
    squares += optim::sum_squares(ctx, gradients.back());
  }
  result.grad_norm = std::sqrt(squares);
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm)) {
    gradients.clear();
    result.skipped = true;
    result.reason = find_non_finite(ctx, glm_, batch, options.pass);
    return result;
  }
  optim::Rates rates = options.rates;
  rates.grad_scale = optim::clip_factor(result.grad_norm, options.clip);
  optimizer_.step(ctx, std::move(gradients), rates);
  return result;
}

}  // namespace wudao::train
