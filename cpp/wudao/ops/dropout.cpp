#include "wudao/ops/dropout.h"

#include "wudao/kernels/elementwise.h"

namespace wudao::ops {
namespace {

Tensor apply(Context& ctx, const Dropout::Params& params, const Tensor& x) {
  Tensor y = ctx.empty(x.shape(), x.dtype());
  const std::int64_t first = ctx.samples > 0 ? ctx.first_sample * (x.size() / ctx.samples) : 0;
  ctx.kernels->dropout({x.raw(), y.raw(), x.dtype(), params.p, {ctx.seed, ctx.step, params.stream}, first, x.size(),
                        ctx.pool.get()});
  return y;
}

}  // namespace

Tensor Dropout::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved*) {
  check_floating(name, "x", inputs[0]);
  check_probability(name, "p", params.p);
  return params.p == 0.0 ? inputs[0] : apply(ctx, params, inputs[0]);
}

Tensors<1> Dropout::backward(Context& ctx, const Params& params, const Saved&, const Tensor& dy, const Flags<1>& needs) {
  if (!needs[0]) return {};
  return {params.p == 0.0 ? dy : apply(ctx, params, dy)};
}

}  // namespace wudao::ops
