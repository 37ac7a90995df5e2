#include "wudao/moe/router.h"

#include <cmath>
#include <cstring>

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

// A copy of the logits with zeros for the tokens that have one that is not a number, which are put down.
Tensor usable(Context& ctx, const Tensor& logits, std::vector<std::int64_t>& diverged) {
  const Rows z(logits);
  const std::int64_t experts = logits.dim(1);
  for (std::int64_t t = 0; t < logits.dim(0); ++t) {
    bool good = true;
    for (std::int64_t e = 0; e < experts; ++e) good &= !std::isnan(z(t, e)) && z(t, e) != HUGE_VAL;
    if (!good) diverged.push_back(t);
  }
  if (diverged.empty()) return logits;
  Tensor copy = ctx.empty(logits.shape(), logits.dtype());
  std::memcpy(copy.raw(), logits.raw(), logits.bytes());
  for (const std::int64_t t : diverged) {
    for (std::int64_t e = 0; e < experts; ++e) store(copy, t * experts + e, 0.0);
  }
  return copy;
}

// A copy of rows (T, E) with `value` for the experts of the other kind.
Tensor without_others(Context& ctx, const OwnExperts::Params& params, const Tensor& rows, double value) {
  const std::int64_t tokens = rows.dim(0), experts = rows.dim(1);
  ops::check_shape(OwnExperts::name, "pictures", params.pictures, {tokens});
  Tensor copy = ctx.empty(rows.shape(), rows.dtype());
  std::memcpy(copy.raw(), rows.raw(), rows.bytes());
  for (std::int64_t t = 0; t < tokens; ++t) {
    const bool picture = params.pictures.data<std::uint8_t>()[t] != 0;
    const std::int64_t begin = picture ? 0 : params.first, end = picture ? params.first : experts;
    for (std::int64_t e = begin; e < end; ++e) store(copy, t * experts + e, value);
  }
  return copy;
}

void spoil(const Tensor& rows, const std::vector<std::int64_t>& which) {
  for (const std::int64_t t : which) {
    for (std::int64_t j = 0; j < rows.dim(1); ++j) store(rows, t * rows.dim(1) + j, std::nan(""));
  }
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

Tensor OwnExperts::forward(Context& ctx, const Params& params, const ops::Tensors<1>& inputs, Saved*) {
  return without_others(ctx, params, inputs[0], -HUGE_VAL);
}

ops::Tensors<1> OwnExperts::backward(Context& ctx, const Params& params, const Saved&, const Tensor& dy,
                                     const ops::Flags<1>&) {
  return {without_others(ctx, params, dy, 0.0)};
}

Tensor RouteWeights::forward(Context& ctx, const Params& params, const ops::Tensors<2>& inputs, Saved*) {
  RouteState& state = *params.state;
  state.tokens = params.tokens;
  state.tokens.logits = params.comm == nullptr ? usable(ctx, inputs[0], state.diverged) : inputs[0];
  state.tokens.noise_logits = inputs[1];
  state.routing = route(ctx, params.gate, state.tokens, params.comm);
  spoil(state.routing.weights, state.diverged);
  return state.routing.weights;
}

ops::Tensors<2> RouteWeights::backward(Context& ctx, const Params& params, const Saved&, const Tensor& dy,
                                       const ops::Flags<2>&) {
  RouteState& state = *params.state;
  if (params.batch != nullptr && params.batch->groups > 0) state.routing.all = *params.batch;
  RouteGradients found = route_backward(ctx, params.gate, state.tokens, state.routing, dy, params.losses * ctx.loss_scale);
  spoil(found.logits, state.diverged);
  return {std::move(found.logits), std::move(found.noise_logits)};
}

}  // namespace wudao::moe
