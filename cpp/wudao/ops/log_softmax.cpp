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

}  // namespace wudao::ops
