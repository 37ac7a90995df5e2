#include "wudao/ops/layer_norm.h"

namespace wudao::ops {

Tensor LayerNorm::forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved) {
  const auto& [x, gamma, beta] = inputs;
  check_matrix(name, "x", x);
  check_floating(name, "x", x);
  check_out(name, x, params.out);
  const std::int64_t rows = x.dim(0), cols = x.dim(1);
  const DType sum = accumulator_of(x.dtype());
  for (const auto& [argument, tensor] : {std::pair{"gamma", &gamma}, std::pair{"beta", &beta}}) {
    check_shape(name, argument, *tensor, {cols});
    check_dtype(name, argument, *tensor, sum);
  }
  if (!(params.eps > 0)) fail<ConfigError>(name, "eps", "a positive number", text(params.eps));
  Tensor y = ctx.empty(x.shape(), params.out);
  Tensor mean = ctx.empty({rows}, sum), rstd = ctx.empty({rows}, sum);
  ctx.kernels->layer_norm_forward({x.raw(), gamma.raw(), beta.raw(), y.raw(), mean.raw(), rstd.raw(), x.dtype(),
                                   params.out, rows, cols, params.eps, ctx.pool.get(), params.scaling});
  if (saved != nullptr) *saved = {x, gamma, mean, rstd};
  return y;
}

Tensors<3> LayerNorm::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                               const Flags<3>& needs) {
  const std::int64_t rows = saved.x.dim(0), cols = saved.x.dim(1);
  const DType sum = saved.gamma.dtype();
  check_shape(name, "dy", dy, saved.x.shape());
  check_dtype(name, "dy", dy, params.out);
  check_shards(name, ctx, rows);
  const bool parameters = needs[1] || needs[2];
  Tensors<3> grads;
  grads[0] = ctx.empty(saved.x.shape(), saved.x.dtype());
  if (parameters) grads[1] = ctx.empty({cols}, sum), grads[2] = ctx.empty({cols}, sum);
  Tensor work = ctx.empty({2 * cols * kernels::column_chunks(rows, ctx.shards)}, sum);
  ctx.kernels->layer_norm_backward({saved.x.raw(), saved.gamma.raw(), saved.mean.raw(), saved.rstd.raw(), dy.raw(),
                                    grads[0].raw(), parameters ? grads[1].raw() : nullptr,
                                    parameters ? grads[2].raw() : nullptr, work.raw(), saved.x.dtype(), params.out,
                                    rows, cols, ctx.shards, ctx.pool.get()});
  return grads;
}

}  // namespace wudao::ops
