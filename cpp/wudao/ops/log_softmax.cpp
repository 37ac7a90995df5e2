#include "wudao/ops/log_softmax.h"

#include "wudao/kernels/products.h"

namespace wudao::ops {

Tensor log_softmax(Context& ctx, const Tensor& x) {
  check_matrix("log_softmax", "x", x);
  check_dtype("log_softmax", "x", x, accumulator_of(x.dtype()));
  Tensor y = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->log_softmax({x.raw(), y.raw(), x.dtype(), x.dim(0), x.dim(1), ctx.pool.get()});
  return y;
}

Tensor log_softmax_backward(Context& ctx, const Tensor& x, const Tensor& dy) {
  check_matrix("log_softmax_backward", "x", x);
  check_dtype("log_softmax_backward", "x", x, accumulator_of(x.dtype()));
  check_dtype("log_softmax_backward", "dy", dy, x.dtype());
  check_shape("log_softmax_backward", "dy", dy, x.shape());
  Tensor dx = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->log_softmax_backward(
      {x.raw(), dy.raw(), dx.raw(), x.dtype(), x.dim(0), x.dim(1), ctx.pool.get()});
  return dx;
}

}  // namespace wudao::ops
