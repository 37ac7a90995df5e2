#include "wudao/ops/add.h"

#include "wudao/kernels/elementwise.h"

namespace wudao::ops {

Tensor Add::forward(Context& ctx, const Params&, const Tensors<2>& inputs, Saved* saved) {
  const auto& [a, b] = inputs;
  check_floating(name, "a", a);
  check_floating(name, "b", b);
  check_shape(name, "b", b, a.shape());
  Tensor y = ctx.empty(a.shape(), a.dtype());
  ctx.kernels->add({a.raw(), b.raw(), y.raw(), a.dtype(), b.dtype(), y.dtype(), a.size(), ctx.pool.get()});
  if (saved != nullptr) *saved = {a.dtype(), b.dtype()};
  return y;
}

Tensors<2> Add::backward(Context& ctx, const Params&, const Saved& saved, const Tensor& dy, const Flags<2>& needs) {
  return {needs[0] ? convert(ctx, dy, saved.a) : Tensor(), needs[1] ? convert(ctx, dy, saved.b) : Tensor()};
}

Tensor convert(Context& ctx, const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  check_floating("convert", "x", x);
  Tensor y = ctx.empty(x.shape(), dtype);
  ctx.kernels->convert({x.raw(), y.raw(), x.dtype(), dtype, x.size(), ctx.pool.get()});
  return y;
}

void accumulate(Context& ctx, Tensor& y, const Tensor& x) {
  check_shape("accumulate", "x", x, y.shape());
  check_dtype("accumulate", "x", x, y.dtype());
  ctx.kernels->accumulate({x.raw(), y.raw(), y.dtype(), y.size(), ctx.pool.get()});
}

}  // namespace wudao::ops
