#include "wudao/autograd/gradient.h"

#include <algorithm>

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

void GradientTree::add(Context& ctx, Tensor node, int first, int count) {
  auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& n) { return n.first > first; });
  at = nodes_.insert(at, {std::move(node), first, count});
  for (;;) {
    const bool is_left = at->first % (2 * at->count) == 0;
    const auto left = is_left ? at : at - (at == nodes_.begin() ? 0 : 1), right = left + 1;
    const bool halves = right < nodes_.end() && left->count == right->count && left->first % (2 * left->count) == 0 &&
                        right->first == left->first + left->count;
    if (!halves) return;
    if (left->sum.unique()) {
      accumulate(ctx, left->sum, right->sum);
    } else {
      left->sum = sum(ctx, left->sum, right->sum);
    }
    left->count *= 2;
    at = nodes_.erase(right) - 1;
  }
}

Tensor GradientTree::take(Context& ctx) {
  std::vector<Node> nodes = take_nodes();
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    if (nodes[i].first == nodes[i - 1].first + nodes[i - 1].count) continue;
    throw InternalError(text("gradient: expected all shards, got none from ", nodes[i - 1].first + nodes[i - 1].count, " to ",
                             nodes[i].first, "."));
  }
  // Where the number of shards is no power of two: tree(0..V) = tree(0..p) + tree(p..V), p the largest one below V.
  for (; nodes.size() > 1; nodes.pop_back()) {
    Node& left = nodes[nodes.size() - 2];
    left.sum = sum(ctx, left.sum, nodes.back().sum);
  }
  return std::move(nodes.back().sum);
}

std::vector<GradientTree::Node> GradientTree::take_nodes() { return std::exchange(nodes_, {}); }

}  // namespace wudao
