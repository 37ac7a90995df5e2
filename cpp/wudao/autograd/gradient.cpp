#include "wudao/autograd/gradient.h"

#include "wudao/base/error.h"
#include "wudao/kernels/table.h"
#include "wudao/kernels/elementwise.h"

namespace wudao {
namespace {

// y += x.
void accumulate(Context& ctx, Tensor& y, const Tensor& x) {
  ctx.kernels->accumulate({x.raw(), y.raw(), y.dtype(), y.size(), ctx.pool.get()});
}

Tensor sum(Context& ctx, const Tensor& a, const Tensor& b) {
  Tensor y = ctx.empty(a.shape(), a.dtype());
  ctx.kernels->add({a.raw(), b.raw(), y.raw(), a.dtype(), b.dtype(), y.dtype(), y.size(), ctx.pool.get()});
  return y;
}

}  // namespace

void Gradient::add(Context& ctx, Tensor gradient) {
  if (sink_ != nullptr) {
    sink_->add(ctx, std::move(gradient), use_);
  } else if (!sum_.defined()) {
    sum_ = std::move(gradient);
  } else if (sum_.unique()) {
    accumulate(ctx, sum_, gradient);
  } else {
    sum_ = sum(ctx, sum_, gradient);
  }
}

void GradientTree::add(Context& ctx, Tensor node, int shards) {
  nodes_.push_back({std::move(node), shards});
  while (nodes_.size() > 1 && nodes_[nodes_.size() - 2].shards == nodes_.back().shards) {
    const Partial right = std::move(nodes_.back());
    nodes_.pop_back();
    Partial& left = nodes_.back();
    if (left.sum.unique()) {
      accumulate(ctx, left.sum, right.sum);
    } else {
      left.sum = sum(ctx, left.sum, right.sum);
    }
    left.shards += right.shards;
  }
}

Tensor GradientTree::take() {
  if (nodes_.size() != 1) {
    throw InternalError(text("gradient: expected one complete tree, got ", nodes_.size(), " parts."));
  }
  Tensor root = std::move(nodes_.back().sum);
  nodes_.clear();
  return root;
}

}  // namespace wudao
