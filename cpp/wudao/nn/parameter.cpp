#include "wudao/nn/parameter.h"

#include "wudao/ops/add.h"

namespace wudao::nn {

void Parameter::add(Context& ctx, Tensor gradient, int use) {
  if (ctx.idle) return;
  if (ctx.observer != nullptr) ctx.observer->show("gradient of " + name_, ctx.first_shard, {gradient});
  trees_.at(static_cast<std::size_t>(use)).add(ctx, std::move(gradient), ctx.first_shard, ctx.shards);
}

void Parameter::add_node(Context& ctx, Tensor gradient, int first, int count) {
  if (ctx.observer != nullptr) {
    std::vector<Tensor> experts;
    for (std::int64_t e = 0; e < gradient.dim(0); ++e) experts.push_back(gradient.rows(e, 1));
    ctx.observer->show("gradient of " + name_, first, experts);
  }
  trees_[0].add(ctx, std::move(gradient), first, count);
}

Tensor Parameter::take_gradient(Context& ctx) {
  Tensor sum;
  for (GradientTree& tree : trees_) {
    if (tree.empty()) continue;
    Tensor part = tree.take(ctx);
    if (!sum.defined()) {
      sum = std::move(part);
    } else {
      ops::accumulate(ctx, sum, part);
    }
  }
  return sum.defined() ? sum : ctx.zeros(value_.shape(), value_.dtype());
}

Tensor Parameter::take_own(Context& ctx) {
  return trees_[0].empty() ? ctx.zeros(value_.shape(), value_.dtype()) : trees_[0].take(ctx);
}

void Parameter::quantize(ops::Quantized weight) {
  quantized_ = std::move(weight);
  value_ = Tensor::borrow(nullptr, value_.shape(), value_.dtype(), nullptr);
}

void Parameter::clear_gradient() {
  for (GradientTree& tree : trees_) tree.clear();
}

}  // namespace wudao::nn
