#include "wudao/ops/convolution_products.h"

#include "wudao/kernels/products.h"
#include "wudao/kernels/rows.h"
#include "wudao/ops/packed_weight.h"

namespace wudao::ops {
namespace {

void check_numbers(std::string_view op, const ConvolutionParams& p) {
  if (p.kernel < 1) fail<ConfigError>(op, "kernel", "at least 1", text(p.kernel));
  if (p.stride < 1) fail<ConfigError>(op, "stride", "at least 1", text(p.stride));
  if (p.padding < 0 || p.padding >= p.kernel)
    fail<ConfigError>(op, "padding", text("from 0 to kernel - 1 = ", p.kernel - 1), text(p.padding));
}

kernels::LinearBackward gradients(const Context& ctx, const Rows& dy, const Tensor& weight, std::int64_t rows,
                                  DType compute) {
  kernels::LinearBackward p = {};
  p.dy = dy.data;
  p.du = dy.data;
  p.weight = weight.raw();
  p.compute = compute;
  p.y_type = dy.dtype;
  p.rows = rows;
  p.in = weight.dim(1);
  p.out = weight.dim(0);
  p.shards = ctx.shards;
  p.pool = ctx.pool.get();
  p.dy_windows = dy.windows;
  return p;
}

}  // namespace

void check_convolution(std::string_view op, const ConvolutionParams& params, const Tensors<3>& inputs,
                       const Shape& weight_shape, std::int64_t out_channels) {
  const auto& [x, weight, bias] = inputs;
  check_numbers(op, params);
  check_floating(op, "x", x);
  check_out(op, x, params.out);
  const DType sum = accumulator_of(x.dtype());
  check_shape(op, "weight", weight, weight_shape);
  check_dtype(op, "weight", weight, sum);
  if (!bias.defined()) return;
  check_shape(op, "bias", bias, {out_channels});
  check_dtype(op, "bias", bias, sum);
}

kernels::Windows windows_of(const ConvolutionParams& p, const Shape& map, std::int64_t down, std::int64_t across) {
  return {map[0], map[1], map[2], map[3], p.kernel, p.kernel, p.stride, -p.padding, -p.padding, down, across};
}

void multiply(Context& ctx, const Rows& x, const Tensor& weight, const void* bias, const Rows& y, std::int64_t rows,
              DType compute) {
  PackedWeight packed(ctx, weight);
  kernels::LinearForward p = {};
  p.x = x.data;
  p.weight = weight.raw();
  p.packed = packed.forms();
  p.bias = bias;
  p.y = y.data;
  p.compute = compute;
  p.y_type = y.dtype;
  p.rows = rows;
  p.in = weight.dim(1);
  p.out = weight.dim(0);
  p.pool = ctx.pool.get();
  p.windows = x.windows;
  p.pixels = y.pixels;
  ctx.kernels->linear_forward(p);
}

void multiply_back(Context& ctx, const Rows& dy, const Tensor& weight, const Rows& dx, std::int64_t rows, DType compute,
                   const void* rectified) {
  PackedWeight packed(ctx, weight);
  kernels::LinearBackward p = gradients(ctx, dy, weight, rows, compute);
  p.packed = packed.forms();
  p.dx = dx.data;
  p.pixels = dx.pixels;
  p.rectified = rectified;
  ctx.kernels->linear_backward(p);
}

Tensor weight_gradient(Context& ctx, const Rows& dy, const Rows& x, const Tensor& weight, std::int64_t rows,
                       DType compute) {
  Tensor gradient = ctx.empty(weight.shape(), weight.dtype());
  kernels::LinearBackward p = gradients(ctx, dy, weight, rows, compute);
  p.x = x.data;
  p.x_windows = x.windows;
  p.dweight = gradient.raw();
  ctx.kernels->linear_backward(p);
  return gradient;
}

Tensor bias_gradient(Context& ctx, const Rows& dy, std::int64_t rows, std::int64_t channels, DType compute) {
  const DType sum = accumulator_of(compute);
  Tensor gradient = ctx.empty({channels}, sum), work = ctx.empty({channels * kernels::column_chunks(rows, ctx.shards)}, sum);
  kernels::LinearBackward p = {};
  p.dy = dy.data;
  p.du = dy.data;
  p.dbias = gradient.raw();
  p.work = work.raw();
  p.compute = compute;
  p.y_type = dy.dtype;
  p.rows = rows;
  p.out = channels;
  p.shards = ctx.shards;
  p.pool = ctx.pool.get();
  ctx.kernels->linear_backward(p);
  return gradient;
}

}  // namespace wudao::ops
