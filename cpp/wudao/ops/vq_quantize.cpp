#include "wudao/ops/vq_quantize.h"

#include "wudao/kernels/elementwise.h"
#include "wudao/ops/add.h"
#include "wudao/ops/difference_loss.h"
#include "wudao/ops/embedding.h"
#include "wudao/ops/vq_assign.h"

namespace wudao::ops {

Tensor VqQuantize::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& z = inputs[0];
  check_defined(name, "z", z);
  if (z.rank() < 2 || z.dim(-1) == 0) fail<ShapeError>(name, "z", "(..., channels)", to_text(z.shape()));
  const Tensor rows = z.reshape({z.size() / z.dim(-1), z.dim(-1)});
  const Tensor codes = vq_assign(ctx, rows, params.book);
  const Tensor q = Embedding::forward(ctx, {codes}, {params.book}, nullptr).reshape(z.shape());
  Difference difference = difference_loss(ctx, z, q, {0.0, 1.0}, saved == nullptr ? 0.0 : params.commitment);
  if (saved != nullptr) *saved = {z.shape(), difference.dy};
  if (params.found != nullptr) *params.found = {codes, rows, std::move(difference.losses)};
  return convert(ctx, q, params.out);
}

Tensors<1> VqQuantize::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                const Flags<1>&) {
  check_shape(name, "dy", dy, saved.shape);
  Tensor dz = ctx.empty(dy.shape(), accumulator_of(params.out));
  ctx.kernels->convert({dy.raw(), dz.raw(), dy.dtype(), dz.dtype(), dz.size(), ctx.pool.get()});
  if (saved.dz.defined()) accumulate(ctx, dz, saved.dz);
  return {dz};
}

}  // namespace wudao::ops
