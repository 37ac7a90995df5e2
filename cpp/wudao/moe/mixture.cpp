#include "wudao/moe/mixture.h"

#include "wudao/base/stopwatch.h"
#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"

namespace wudao::moe {
namespace {

philox::Key dropout_key(const Context& ctx, const Mixture::Params& params) {
  return {ctx.seed, ctx.step, params.stream};
}

// y_t = residual_t + dropout(sum of weighted rows); without weights, their plain sum.
Tensor combine(Context& ctx, const Mixture::Params& params, const Tensor& rows, const Tensor& weights,
               const Tensor& residual, DType out, double dropout) {
  const Tensor& slot = params.plan->slot;
  Tensor y = ctx.empty({slot.dim(0), rows.dim(1)}, out);
  ctx.kernels->combine_rows({rows.raw(), slot.data<std::int64_t>(), weights.defined() ? weights.raw() : nullptr,
                             residual.defined() ? residual.raw() : nullptr, y.raw(), rows.dtype(), out, dropout,
                             dropout_key(ctx, params), params.first_row, slot.dim(0), rows.dim(1), slot.dim(1),
                             ctx.pool.get()});
  return y;
}

// Adds what f() took to `seconds`.
template <class F>
Tensor timed(double& seconds, F&& f) {
  const Stopwatch watch;
  Tensor y = f();
  seconds += watch.seconds();
  return y;
}

}  // namespace

Tensor Mixture::forward(Context& ctx, const Params& params, const ops::Tensors<3>& inputs, Saved* saved) {
  const auto& [x, weights, residual] = inputs;
  ops::check_matrix("moe", "x", x);
  Exchange& exchange = *params.exchange;
  const Tensor rows = timed(params.seconds->exchange, [&] { return exchange.dispatch(ctx, *params.plan, x); });
  const Tensor room = exchange.room(ctx, rows.shape(), rows.dtype(), Way::kCollect);
  const Tensor made = timed(params.seconds->experts, [&] {
    return params.experts->forward(ctx, *params.plan, rows, saved == nullptr ? nullptr : &saved->rows, room);
  });
  const Tensor back = timed(params.seconds->exchange, [&] { return exchange.collect(ctx, *params.plan, made); });
  if (saved != nullptr) {
    saved->made = back;
    saved->weights = weights;
    saved->residual = residual.defined();
  }
  return combine(ctx, params, back, weights, residual, accumulator_of(x.dtype()), params.dropout);
}

ops::Tensors<3> Mixture::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                  const ops::Flags<3>& needs) {
  const Tensor& slot = params.plan->slot;
  Exchange& exchange = *params.exchange;
  const Tensor dmade = exchange.room(ctx, saved.made.shape(), saved.made.dtype(), Way::kScatter);
  ops::Tensors<3> grads;
  grads[1] = ctx.empty(saved.weights.shape(), saved.weights.dtype());
  ctx.kernels->combine_backward({dy.raw(), saved.made.raw(), slot.data<std::int64_t>(), saved.weights.raw(),
                                 dmade.raw(), grads[1].raw(), saved.made.dtype(), dy.dtype(), params.dropout,
                                 dropout_key(ctx, params), params.first_row, slot.dim(0), dy.dim(1), slot.dim(1),
                                 ctx.pool.get()});
  if (ctx.observer != nullptr && !ctx.idle) {
    ctx.observer->show("pull on " + params.experts->name(), ctx.first_shard, {dmade});
  }
  const Tensor pull = timed(params.seconds->exchange, [&] { return exchange.scatter(ctx, *params.plan, dmade); });
  const Tensor room = exchange.room(ctx, pull.shape(), pull.dtype(), Way::kCollect);
  const Tensor drows = timed(params.seconds->experts, [&] {
    return params.experts->backward(ctx, *params.plan, saved.rows, pull, room);
  });
  const Tensor back = timed(params.seconds->exchange, [&] { return exchange.collect(ctx, *params.plan, drows); });
  grads[0] = combine(ctx, params, back, {}, {}, back.dtype(), 0.0);
  if (needs[2] && saved.residual) grads[2] = dy;
  return grads;
}

}  // namespace wudao::moe
