#include <algorithm>

#include "wudao/ops/activation_map.h"
#include "wudao/ops/add.h"
#include "wudao/ops/convolution_phases.h"
#include "wudao/ops/convolution_products.h"

namespace wudao::ops {
namespace {

using kernels::Windows;

std::int64_t channels_of(const ConvolutionParams& p, const Tensor& weight) {
  return weight.dim(0) / (p.kernel * p.kernel);
}

// Every pixel of x is a window of the result.
Windows windows_of_result(const ConvolutionParams& p, const Tensor& x, const Tensor& weight) {
  const auto outputs = [&](std::int64_t size) { return (size - 1) * p.stride - 2 * p.padding + p.kernel; };
  return windows_of(p, {x.dim(0), outputs(x.dim(1)), outputs(x.dim(2)), channels_of(p, weight)}, x.dim(1), x.dim(2));
}

void check(const ConvolutionParams& params, const Tensors<3>& inputs) {
  const auto& [x, weight, bias] = inputs;
  check_map(ConvTranspose2d::name, "x", x);
  check_matrix(ConvTranspose2d::name, "weight", weight);
  const std::int64_t area = std::max<std::int64_t>(params.kernel * params.kernel, 1);
  if (weight.dim(0) % area != 0) {
    fail<ShapeError>(ConvTranspose2d::name, "weight", text("a multiple of ", area, " rows"), text(weight.dim(0)));
  }
  check_convolution(ConvTranspose2d::name, params, inputs, {weight.dim(0), x.dim(3)}, weight.dim(0) / area);
  const Windows windows = windows_of_result(params, x, weight);
  if (windows.height < 1 || windows.width < 1) {
    fail<ShapeError>(ConvTranspose2d::name, "x", "a map whose result has at least one pixel", to_text(x.shape()),
                     "Use less padding.");
  }
}

Tensor rectified(Context& ctx, const Tensor& x) {
  return ActivationMap::forward(ctx, kernels::ActivationForm::kRelu, {x}, nullptr);
}

}  // namespace

Tensor ConvTranspose2d::forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved) {
  check(params, inputs);
  const auto& [x, weight, bias] = inputs;
  const Windows windows = windows_of_result(params, x, weight);
  Tensor y = ctx.empty({windows.batch, windows.height, windows.width, windows.channels}, params.out);
  const void* const shift = bias.defined() ? bias.raw() : nullptr;
  for (Phase& phase : phases_of(params, x.shape(), y.shape())) {
    const Tensor part = weight_of_phase(ctx, params, phase, weight, true);
    phase.windows.rectified = params.rectify;
    phase.windows.dtype = x.dtype();
    multiply(ctx, {x.raw(), x.dtype(), &phase.windows}, part, shift, {y.raw(), y.dtype(), nullptr, &phase.pixels},
             phase.windows.count(), x.dtype());
  }
  if (saved != nullptr) *saved = {x, weight, bias.defined()};
  return y;
}

Tensors<3> ConvTranspose2d::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                     const Flags<3>& needs) {
  const auto& [x, weight, bias] = saved;
  const Windows windows = windows_of_result(params, x, weight);
  check_shape(name, "dy", dy, {windows.batch, windows.height, windows.width, windows.channels});
  check_dtype(name, "dy", dy, params.out);
  check_shards(name, ctx, x.dim(0));
  Tensors<3> grads;
  if (needs[0] || needs[1]) {
    const Tensor d = convert(ctx, dy, x.dtype());
    const Rows seen = {d.raw(), x.dtype(), &windows};
    if (needs[0]) {
      grads[0] = ctx.empty(x.shape(), x.dtype());
      multiply_back(ctx, seen, weight, {grads[0].raw(), x.dtype()}, windows.count(), x.dtype(),
                    params.rectify ? x.raw() : nullptr);
    }
    if (needs[1]) {
      const Tensor given = params.rectify ? rectified(ctx, x) : x;
      grads[1] = weight_gradient(ctx, seen, {given.raw(), x.dtype()}, weight, windows.count(), x.dtype());
    }
  }
  if (needs[2] && bias) {
    const std::int64_t pixels = windows.batch * windows.height * windows.width;
    grads[2] = bias_gradient(ctx, {dy.raw(), dy.dtype()}, pixels, windows.channels, x.dtype());
  }
  return grads;
}

}  // namespace wudao::ops
