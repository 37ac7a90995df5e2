#include "wudao/moe/dispatch.h"

#include "wudao/base/error.h"
#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"
#include "wudao/ops/op.h"

namespace wudao::moe {
namespace {

// One shard for each rank.
std::vector<ShardRange> ranks_as_shards(int ranks) {
  std::vector<ShardRange> shards;
  for (int r = 0; r < ranks; ++r) shards.push_back({r, 1});
  return shards;
}

}  // namespace

Dispatch::Dispatch(Context& ctx, std::shared_ptr<comm::Communicator> comm, const LayerConfig& config,
                   const Tensor& indices)
    : exchange_(make_exchange(comm, config)),
      plan_(exchange_->plan(ctx, indices, config.experts(), ranks_as_shards(comm->size()))),
      held_(experts_of(config.experts(), comm->rank(), comm->size())) {}

Tensor Dispatch::dispatch(Context& ctx, const Tensor& x) {
  ops::check_matrix("dispatch", "x", x);
  ops::check_shape("dispatch", "x", x, {plan_.slot.dim(0), x.dim(1)});
  return exchange_->dispatch(ctx, plan_, x);
}

Tensor Dispatch::combine(Context& ctx, const Tensor& rows, const Tensor& weights) {
  ops::check_matrix("combine", "rows", rows);
  ops::check_shape("combine", "rows", rows, {plan_.rows(), rows.dim(1)});
  if (weights.defined()) ops::check_shape("combine", "weights", weights, plan_.slot.shape());
  made_ = exchange_->collect(ctx, plan_, rows);
  weights_ = weights;
  Tensor y = ctx.empty({plan_.slot.dim(0), rows.dim(1)}, rows.dtype());
  ctx.kernels->combine_rows({made_.raw(), plan_.slot.data<std::int64_t>(), weights.defined() ? weights.raw() : nullptr,
                             nullptr, y.raw(), rows.dtype(), y.dtype(), 0.0, {}, 0, y.dim(0), y.dim(1),
                             plan_.slot.dim(1), ctx.pool.get()});
  return y;
}

Dispatch::Gradients Dispatch::combine_backward(Context& ctx, const Tensor& dy) {
  if (!weights_.defined()) {
    fail<ConfigError>("combine_gradients", "weights", "a combine with weights before it", "none",
                      "Without weights, the gradient of the rows is dispatch(dy).");
  }
  ops::check_shape("combine_gradients", "dy", dy, {plan_.slot.dim(0), made_.dim(1)});
  const Tensor dmade = ctx.empty(made_.shape(), made_.dtype());
  Gradients found;
  found.weights = ctx.empty(weights_.shape(), weights_.dtype());
  ctx.kernels->combine_backward({dy.raw(), made_.raw(), plan_.slot.data<std::int64_t>(), weights_.raw(), dmade.raw(),
                                 found.weights.raw(), made_.dtype(), dy.dtype(), 0.0, {}, 0, dy.dim(0), dy.dim(1),
                                 plan_.slot.dim(1), ctx.pool.get()});
  found.rows = exchange_->scatter(ctx, plan_, dmade);
  return found;
}

}  // namespace wudao::moe
