#include <algorithm>

#include "wudao/ops/add.h"
#include "wudao/ops/convolution_products.h"

namespace wudao::ops {
namespace {

using kernels::Windows;

Windows windows_of_input(const ConvolutionParams& p, const Tensor& x) {
  const auto outputs = [&](std::int64_t size) { return (size + 2 * p.padding - p.kernel) / p.stride + 1; };
  return windows_of(p, x.shape(), outputs(x.dim(1)), outputs(x.dim(2)));
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

// A kernel of one pixel sees what lies in memory already.
bool sees_itself(const ConvolutionParams& p) { return p.kernel == 1 && p.stride == 1; }

Rows at(const Tensor& tensor, std::int64_t row, std::int64_t size) {
  return {static_cast<std::byte*>(tensor.raw()) + static_cast<std::size_t>(row * size) * size_of(tensor.dtype()),
          tensor.dtype()};
}

// The windows of `some` pictures from `first` on, in `work`.
Rows gather(Context& ctx, const Tensor& x, const Windows& some, std::int64_t first, const Tensor& work) {
  const Rows map = at(x, first, x.size() / std::max<std::int64_t>(x.dim(0), 1));
  ctx.kernels->gather_windows({map.data, work.raw(), x.dtype(), some, ctx.pool.get()});
  return {work.raw(), x.dtype()};
}

Tensor all_windows(Context& ctx, const Tensor& x, const Windows& windows) {
  Tensor rows = ctx.empty({windows.count(), windows.row()}, x.dtype());
  gather(ctx, x, windows, 0, rows);
  return rows;
}

Tensor input_gradient(Context& ctx, const Conv2d::Params& params, const Conv2d::Saved& saved, const Tensor& dy) {
  const Tensor& x = saved.x;
  const Windows windows = windows_of_input(params, x);
  Tensor dx = ctx.empty(x.shape(), x.dtype());
  if (sees_itself(params)) {
    multiply_back(ctx, at(dy, 0, 0), saved.weight, at(dx, 0, 0), windows.count(), x.dtype());
    return dx;
  }
  const std::int64_t each = windows.down * windows.across;
  const Tensor rows = ctx.empty({pictures_at_a_time(windows, x.dtype()) * each, windows.row()}, x.dtype());
  for_pictures(windows, x.dtype(), [&](const Windows& some, std::int64_t first) {
    multiply_back(ctx, at(dy, first * each, dy.dim(3)), saved.weight, at(rows, 0, 0), some.count(), x.dtype());
    const Rows map = at(dx, first, x.size() / x.dim(0));
    ctx.kernels->add_windows({rows.raw(), nullptr, map.data, x.dtype(), x.dtype(), some, ctx.pool.get()});
  });
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
  if (sees_itself(params)) {
    multiply(ctx, at(x, 0, 0), weight, shift, at(y, 0, 0), windows.count(), x.dtype());
    return y;
  }
  const std::int64_t each = windows.down * windows.across;
  const Tensor work = ctx.empty({pictures_at_a_time(windows, x.dtype()) * each, windows.row()}, x.dtype());
  for_pictures(windows, x.dtype(), [&](const Windows& some, std::int64_t first) {
    multiply(ctx, gather(ctx, x, some, first, work), weight, shift, at(y, first * each, weight.dim(0)), some.count(),
             x.dtype());
  });
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
    const Tensor rows = sees_itself(params) ? x : all_windows(ctx, x, windows);
    grads[1] = weight_gradient(ctx, at(d, 0, 0), at(rows, 0, 0), weight, windows.count(), x.dtype());
  }
  if (needs[2] && bias) grads[2] = bias_gradient(ctx, at(dy, 0, 0), windows.count(), weight.dim(0), x.dtype());
  return grads;
}

}  // namespace wudao::ops
