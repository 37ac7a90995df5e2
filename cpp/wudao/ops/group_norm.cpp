#include "wudao/ops/group_norm.h"

#include <algorithm>

#include "wudao/kernels/maps.h"

namespace wudao::ops {

Tensor GroupNorm::forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved) {
  const auto& [x, gamma, beta] = inputs;
  check_map(name, "x", x);
  check_floating(name, "x", x);
  const std::int64_t channels = x.dim(3);
  const DType sum = accumulator_of(x.dtype());
  if (params.groups < 1 || channels % params.groups != 0)
    fail<ConfigError>(name, "groups", text("a divisor of the ", channels, " channels"), text(params.groups));
  for (const auto& [argument, tensor] : {std::pair{"gamma", &gamma}, std::pair{"beta", &beta}}) {
    check_shape(name, argument, *tensor, {channels});
    check_dtype(name, argument, *tensor, sum);
  }
  if (!(params.eps > 0)) fail<ConfigError>(name, "eps", "a positive number", text(params.eps));
  Tensor y = ctx.empty(x.shape(), x.dtype());
  ctx.kernels->group_norm_forward({x.raw(), gamma.raw(), beta.raw(), y.raw(), x.dtype(), x.dim(0), x.dim(1) * x.dim(2),
                                   channels, params.groups, params.eps, ctx.pool.get()});
  if (saved != nullptr) *saved = {x, gamma};
  return y;
}

Tensors<3> GroupNorm::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                               const Flags<3>&) {
  const Tensor& x = saved.x;
  const std::int64_t channels = x.dim(3);
  const DType sum = saved.gamma.dtype();
  check_shape(name, "dy", dy, x.shape());
  check_dtype(name, "dy", dy, x.dtype());
  check_shards(name, ctx, x.dim(0));
  Tensors<3> grads = {ctx.empty(x.shape(), x.dtype()), ctx.empty({channels}, sum), ctx.empty({channels}, sum)};
  const Tensor work = ctx.empty({std::max<std::int64_t>(x.dim(0), 1), 2 * channels}, sum);
  ctx.kernels->group_norm_backward({x.raw(), saved.gamma.raw(), dy.raw(), grads[0].raw(), grads[1].raw(),
                                    grads[2].raw(), work.raw(), x.dtype(), x.dim(0), x.dim(1) * x.dim(2), channels,
                                    params.groups, params.eps, ctx.shards, ctx.pool.get()});
  return grads;
}

}  // namespace wudao::ops
