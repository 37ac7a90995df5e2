#include "wudao/ops/difference_loss.h"

#include "wudao/kernels/codes.h"

namespace wudao::ops {

Difference difference_loss(Context& ctx, const Tensor& y, const Tensor& target, const DifferenceWeights& weights,
                           double scale) {
  constexpr std::string_view kName = "difference_loss";
  check_shape(kName, "target", target, y.shape());
  check_dtype(kName, "target", target, y.dtype());
  check_shards(kName, ctx, y.dim(0));
  Difference found{std::vector<double>(static_cast<std::size_t>(ctx.shards)), {}};
  if (scale != 0.0) found.dy = ctx.empty(y.shape(), y.dtype());
  const Tensor work = ctx.empty({ctx.shards * kernels::kDifferenceChunks}, DType::kFloat64);
  ctx.kernels->difference_loss({y.raw(), target.raw(), found.dy.defined() ? found.dy.raw() : nullptr,
                                found.losses.data(), work.data<double>(), y.dtype(), weights.absolute, weights.squared,
                                scale, y.size(), ctx.shards, ctx.pool.get()});
  return found;
}

}  // namespace wudao::ops
