#include "wudao/ops/gelu.h"

#include "wudao/kernels/elementwise.h"

namespace wudao::ops {

Tensor Gelu::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& x = inputs[0];
  check_floating(name, "x", x);
  Tensor y = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->gelu_forward({x.raw(), nullptr, y.raw(), x.dtype(), params.tanh_form, x.size(), ctx.pool.get()});
  if (saved != nullptr) *saved = {x};
  return y;
}

Tensors<1> Gelu::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy, const Flags<1>& needs) {
  if (!needs[0]) return {};
  const Tensor& x = saved.x;
  check_shape(name, "dy", dy, x.shape());
  check_dtype(name, "dy", dy, x.dtype());
  Tensor dx = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->gelu_backward({x.raw(), dy.raw(), dx.raw(), x.dtype(), params.tanh_form, x.size(), ctx.pool.get()});
  return {dx};
}

}  // namespace wudao::ops
