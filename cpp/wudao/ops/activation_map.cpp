#include "wudao/ops/activation_map.h"

namespace wudao::ops {

Tensor ActivationMap::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& x = inputs[0];
  check_floating(name, "x", x);
  Tensor y = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->activation_map_forward({x.raw(), nullptr, y.raw(), x.dtype(), params, x.size(), ctx.pool.get()});
  if (saved != nullptr) *saved = {x};
  return y;
}

Tensors<1> ActivationMap::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                const Flags<1>&) {
  const Tensor& x = saved.x;
  check_shape(name, "dy", dy, x.shape());
  check_dtype(name, "dy", dy, x.dtype());
  Tensor dx = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->activation_map_backward({x.raw(), dy.raw(), dx.raw(), x.dtype(), params, x.size(), ctx.pool.get()});
  return {dx};
}

}  // namespace wudao::ops
