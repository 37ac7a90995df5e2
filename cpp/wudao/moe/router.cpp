#include "wudao/moe/router.h"

#include "wudao/base/philox.h"
#include "wudao/moe/gate/scores.h"
#include "wudao/ops/add.h"

namespace wudao::moe {
namespace {

// x *= u, element by element.
template <class T>
void shake(Context& ctx, const RouterInput::Params& params, const Tensor& x) {
  const philox::Key key = {ctx.seed, ctx.step, params.stream};
  const std::int64_t columns = x.dim(1);
  for_tokens(ctx, x.dim(0), [&](std::int64_t t) {
    for (std::int64_t i = t * columns; i < (t + 1) * columns; ++i) {
      const float u = philox::uniform_at(key, static_cast<std::uint64_t>(params.first_row * columns + i));
      x.data<T>()[i] *= static_cast<T>(1.0 + params.jitter * (2.0 * static_cast<double>(u) - 1.0));
    }
  });
}

void shake(Context& ctx, const RouterInput::Params& params, const Tensor& x) {
  if (x.dtype() == DType::kFloat64) return shake<double>(ctx, params, x);
  shake<float>(ctx, params, x);
}

}  // namespace

Tensor RouterInput::forward(Context& ctx, const Params& params, const ops::Tensors<1>& inputs, Saved* saved) {
  const Tensor& x = inputs[0];
  if (saved != nullptr) saved->x = x.dtype();
  if (params.jitter == 0.0 && x.dtype() == accumulator_of(x.dtype())) return x;
  Tensor y = ops::convert(ctx, x, accumulator_of(x.dtype()));
  if (params.jitter > 0.0) {
    if (&y.storage() == &x.storage()) y = ops::Add::forward(ctx, {}, {x, ctx.zeros(x.shape(), x.dtype())}, nullptr);
    shake(ctx, params, y);
  }
  return y;
}

ops::Tensors<1> RouterInput::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                      const ops::Flags<1>&) {
  if (params.jitter == 0.0) return {ops::convert(ctx, dy, saved.x)};
  const Tensor dx = ops::Add::forward(ctx, {}, {dy, ctx.zeros(dy.shape(), dy.dtype())}, nullptr);
  shake(ctx, params, dx);
  return {ops::convert(ctx, dx, saved.x)};
}

Tensor RouteWeights::forward(Context& ctx, const Params& params, const ops::Tensors<2>& inputs, Saved*) {
  RouteState& state = *params.state;
  state.tokens = params.tokens;
  state.tokens.logits = inputs[0];
  state.tokens.noise_logits = inputs[1];
  state.routing = route(ctx, params.gate, state.tokens, params.comm);
  return state.routing.weights;
}

ops::Tensors<2> RouteWeights::backward(Context& ctx, const Params& params, const Saved&, const Tensor& dy,
                                       const ops::Flags<2>&) {
  RouteState& state = *params.state;
  if (params.batch != nullptr && params.batch->groups > 0) state.routing.all = *params.batch;
  RouteGradients found = route_backward(ctx, params.gate, state.tokens, state.routing, dy, params.losses);
  return {std::move(found.logits), std::move(found.noise_logits)};
}

}  // namespace wudao::moe
