#include "wudao/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "wudao/base/error.h"
#include "wudao/kernels/table.h"
#include "wudao/kernels/update.h"

namespace wudao::optim {
namespace {

void check_beta(const char* key, double value) {
  if (!(value >= 0.0 && value < 1.0)) fail<ConfigError>("optimizer", key, "at least 0 and below 1", text(value));
}

// Muon is for matrices that multiply, also those of experts; tables that are looked up and routers stay with AdamW.
bool takes_muon(const nn::Parameter& parameter) {
  const auto has = [&](const char* part) { return parameter.name().find(part) != std::string::npos; };
  return parameter.decay() && parameter.value().rank() >= 2 && !has("embeddings") && !has("gate.");
}

}  // namespace

void OptimizerConfig::check() const {
  check_beta("beta1", beta1);
  check_beta("beta2", beta2);
  check_beta("momentum", momentum);
  if (!(eps > 0)) fail<ConfigError>("optimizer", "eps", "a positive number", text(eps));
  if (!(weight_decay >= 0)) fail<ConfigError>("optimizer", "weight_decay", "0 or more", text(weight_decay));
}

Optimizer::Optimizer(Context& ctx, const std::vector<std::shared_ptr<nn::Parameter>>& parameters,
                     const OptimizerConfig& config)
    : config_(config) {
  config_.check();
  for (const auto& parameter : parameters) {
    const Tensor& value = parameter->value();
    Slot slot{parameter.get(), config_.muon && takes_muon(*parameter), {}, {}};
    slot.m = ctx.zeros(value.shape(), value.dtype());
    if (!slot.muon) slot.v = ctx.zeros(value.shape(), value.dtype());
    slots_.push_back(std::move(slot));
  }
}

void Optimizer::step(Context& ctx, std::vector<Tensor> gradients, const Rates& rates) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].muon) continue;
    const Profile::Span span(ctx.profile.get(), "adamw", slots_[i].parameter->name(), "update");
    adamw(ctx, slots_[i], gradients.at(i), rates);
    gradients[i] = {};
  }
  // A matrix is one task: its products are too small to share, and dozens of them follow each other.
  const std::vector<Matrix> order = muon_matrices();
  ctx.pool->for_each(static_cast<std::int64_t>(order.size()), [&](std::int64_t task, int worker) {
    const Matrix& matrix = order[static_cast<std::size_t>(task)];
    const Slot& slot = slots_[matrix.slot];
    const Profile::Span span(ctx.profile.get(), "muon", slot.parameter->name(), "update", worker);
    muon(ctx, matrix, gradients[matrix.slot], rates);
  });
  for (Slot& slot : slots_) slot.parameter->value().storage().touch();
  ++steps_;
}

std::vector<Optimizer::Matrix> Optimizer::muon_matrices() const {
  std::vector<Matrix> order;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].muon) continue;
    const Tensor& m = slots_[i].m;
    const std::int64_t count = m.rank() == 3 ? m.dim(0) : 1;
    for (std::int64_t e = 0; e < count; ++e) order.push_back({i, e, m.size() / count});
  }
  std::ranges::stable_sort(order, [](const Matrix& a, const Matrix& b) { return a.size > b.size; });
  return order;
}

void Optimizer::adamw(Context& ctx, Slot& slot, const Tensor& gradient, const Rates& rates) {
  const Tensor& value = slot.parameter->value();
  const double t = static_cast<double>(steps_ + 1);
  ctx.kernels->adamw({value.raw(), gradient.raw(), slot.m.raw(), slot.v.raw(), value.dtype(), value.size(), rates.adamw,
                      config_.beta1, config_.beta2, config_.eps, slot.parameter->decay() ? config_.weight_decay : 0.0,
                      rates.grad_scale, 1.0 - std::pow(config_.beta1, t), 1.0 - std::pow(config_.beta2, t),
                      ctx.pool.get()});
}

void Optimizer::muon(Context& ctx, const Matrix& matrix, const Tensor& gradients, const Rates& rates) const {
  const auto blend = [&](const Tensor& x, Tensor& y, double a, double b) {
    ctx.kernels->scale({x.raw(), y.raw(), a, b, y.dtype(), y.size(), ctx.pool.get()});
  };
  const auto part = [&](const Tensor& x) {
    return x.rank() == 2 ? x : x.rows(matrix.expert, 1).reshape({x.dim(1), x.dim(2)});
  };
  const Slot& slot = slots_[matrix.slot];
  Tensor value = part(slot.parameter->value()), m = part(slot.m), gradient = part(gradients);
  blend(gradient, m, rates.grad_scale, config_.momentum);  // buffer = momentum * buffer + g
  blend(m, gradient, config_.momentum, rates.grad_scale);  // Nesterov: g + momentum * buffer
  const Tensor direction = newton_schulz(ctx, gradient, config_.newton_schulz);
  const double ratio = static_cast<double>(value.dim(0)) / static_cast<double>(value.dim(1));
  const double shrink = slot.parameter->decay() ? 1.0 - rates.muon * config_.weight_decay : 1.0;
  blend(direction, value, -rates.muon * std::sqrt(std::max(1.0, ratio)), shrink);
}

double sum_squares(Context& ctx, const Tensor& x) {
  double total = 0.0;
  const std::int64_t chunks = (x.size() + kernels::kSumChunk - 1) / kernels::kSumChunk;
  const Tensor work = ctx.empty({chunks}, DType::kFloat64);
  ctx.kernels->sum_squares({x.raw(), &total, work.data<double>(), x.dtype(), x.size(), ctx.pool.get()});
  return total;
}

double clip_factor(double norm, double limit) { return limit > 0.0 ? std::min(1.0, limit / (norm + 1e-6)) : 1.0; }

}  // namespace wudao::optim
