#include "wudao/ops/add.h"
#include "wudao/ops/convolution_phases.h"
#include "wudao/ops/convolution_products.h"

namespace wudao::ops {
namespace {

using kernels::Windows;

Windows windows_of_input(const ConvolutionParams& p, const Tensor& x) {
  const auto outputs = [&](std::int64_t size) { return (size + 2 * p.padding - p.kernel) / p.stride + 1; };
  Windows windows = windows_of(p, x.shape(), outputs(x.dim(1)), outputs(x.dim(2)));
  windows.rectified = p.rectify;
  windows.dtype = x.dtype();
  return windows;
}

void check(const ConvolutionParams& params, const Tensors<3>& inputs) {
  const auto& [x, weight, bias] = inputs;
  check_map(Conv2d::name, "x", x);
  check_matrix(Conv2d::name, "weight", weight);
  check_convolution(Conv2d::name, params, inputs, {weight.dim(0), params.kernel * params.kernel * x.dim(3)},
                    weight.dim(0));
  const std::int64_t least = params.kernel - 2 * params.padding;
  if (x.dim(1) < least || x.dim(2) < least) {
    fail<ShapeError>(Conv2d::name, "x", text("a height and a width of at least ", least), to_text(x.shape()));
  }
}

// A kernel of one pixel has the rows of the map as its windows.
bool sees_itself(const ConvolutionParams& p) { return p.kernel == 1 && p.stride == 1; }

// What the convolution multiplies: windows, or what lies in memory already.
const Windows* seen_through(const ConvolutionParams& p, const Windows& windows) {
  return sees_itself(p) && !p.rectify ? nullptr : &windows;
}

Rows all(const Tensor& tensor, const Windows* windows = nullptr) { return {tensor.raw(), tensor.dtype(), windows}; }

Tensor input_gradient(Context& ctx, const Conv2d::Params& params, const Conv2d::Saved& saved, const Tensor& dy) {
  const Tensor& x = saved.x;
  Tensor dx = ctx.empty(x.shape(), x.dtype());
  const void* const rectified = params.rectify ? x.raw() : nullptr;
  if (sees_itself(params)) {
    multiply_back(ctx, all(dy), saved.weight, all(dx), windows_of_input(params, x).count(), x.dtype(),
                  rectified);
    return dx;
  }
  for (const Phase& phase : phases_of(params, dy.shape(), x.shape())) {
    const Tensor weight = weight_of_phase(ctx, params, phase, saved.weight, false);
    multiply_back(ctx, all(dy, &phase.windows), weight, {dx.raw(), dx.dtype(), nullptr, &phase.pixels},
                  phase.windows.count(), x.dtype(), rectified);
  }
  return dx;
}

}  // namespace

Tensor Conv2d::forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved) {
  check(params, inputs);
  const auto& [x, weight, bias] = inputs;
  const Windows windows = windows_of_input(params, x);
  Tensor y = ctx.empty({x.dim(0), windows.down, windows.across, weight.dim(0)}, params.out);
  const void* const shift = bias.defined() ? bias.raw() : nullptr;
  if (saved != nullptr) *saved = {x, weight, bias.defined()};
  multiply(ctx, all(x, seen_through(params, windows)), weight, shift, all(y), windows.count(), x.dtype());
  return y;
}

Tensors<3> Conv2d::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                            const Flags<3>& needs) {
  const auto& [x, weight, bias] = saved;
  const Windows windows = windows_of_input(params, x);
  check_shape(name, "dy", dy, {x.dim(0), windows.down, windows.across, weight.dim(0)});
  check_dtype(name, "dy", dy, params.out);
  check_shards(name, ctx, x.dim(0));
  const Tensor d = convert(ctx, dy, x.dtype());
  Tensors<3> grads;
  if (needs[0]) grads[0] = input_gradient(ctx, params, saved, d);
  if (needs[1]) {
    const Rows seen = all(x, seen_through(params, windows));
    grads[1] = weight_gradient(ctx, all(d), seen, weight, windows.count(), x.dtype());
  }
  if (needs[2] && bias) grads[2] = bias_gradient(ctx, all(dy), windows.count(), weight.dim(0), x.dtype());
  return grads;
}

}  // namespace wudao::ops
