#include "wudao/ops/upsample_nearest.h"

#include "wudao/kernels/maps.h"

namespace wudao::ops {
namespace {

Shape enlarged(const Shape& x, std::int64_t times) { return {x[0], x[1] * times, x[2] * times, x[3]}; }

}  // namespace

Tensor UpsampleNearest::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& x = inputs[0];
  check_map(name, "x", x);
  check_floating(name, "x", x);
  if (params.times < 1) fail<ConfigError>(name, "times", "at least 1", text(params.times));
  Tensor y = ctx.empty(enlarged(x.shape(), params.times), x.dtype());
  ctx.kernels->upsample_nearest({x.raw(), y.raw(), x.dtype(), x.dim(0), x.dim(1), x.dim(2), x.dim(3), params.times,
                                 false, ctx.pool.get()});
  if (saved != nullptr) *saved = {x.shape()};
  return y;
}

Tensors<1> UpsampleNearest::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                     const Flags<1>&) {
  const Shape& x = saved.shape;
  check_shape(name, "dy", dy, enlarged(x, params.times));
  Tensor dx = ctx.empty(x, dy.dtype());
  ctx.kernels->upsample_nearest(
      {dy.raw(), dx.raw(), dy.dtype(), x[0], x[1], x[2], x[3], params.times, true, ctx.pool.get()});
  return {dx};
}

}  // namespace wudao::ops
