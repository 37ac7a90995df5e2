#include "wudao/vq/quantize.h"

#include "wudao/kernels/elementwise.h"
#include "wudao/ops/add.h"
#include "wudao/ops/difference_loss.h"
#include "wudao/ops/vq_assign.h"

namespace wudao::vq {

Tensor Quantize::forward(Context& ctx, const Params& params, const ops::Tensors<1>& inputs, Saved* saved) {
  const Tensor& z = inputs[0];
  ops::check_map(name, "z", z);
  Quantized& found = *params.found;
  found.z = z.reshape({z.size() / z.dim(3), z.dim(3)});
  found.codes = ops::vq_assign(ctx, found.z, params.book->values());
  const Tensor q = params.book->look_up(ctx, found.codes).reshape(z.shape());
  ops::Difference difference =
      ops::difference_loss(ctx, z, q, {0.0, 1.0}, saved == nullptr ? 0.0 : params.commitment);
  found.distance = std::move(difference.losses);
  if (saved != nullptr) saved->dz = difference.dy;
  return ops::convert(ctx, q, params.out);
}

ops::Tensors<1> Quantize::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                   const ops::Flags<1>&) {
  Tensor dz = ctx.empty(dy.shape(), accumulator_of(params.out));
  ctx.kernels->convert({dy.raw(), dz.raw(), dy.dtype(), dz.dtype(), dz.size(), ctx.pool.get()});
  if (saved.dz.defined()) ops::accumulate(ctx, dz, saved.dz);
  return {dz};
}

}  // namespace wudao::vq
