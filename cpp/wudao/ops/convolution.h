// Convolutions of maps (B, H, W, C), channels last; square kernels, zeros outside of the map.
//
//   conv2d:            y[b, i, j, o] = bias_o + sum over ky, kx, c of w[o, (ky, kx, c)] x[b, i s - p + ky, j s - p + kx, c]
//   conv_transpose2d:  its adjoint in x: y[b, i s - p + ky, j s - p + kx, o] gets w[(ky, kx, o), c] x[b, i, j, c]
//
// Shapes: conv2d (B, H, W, C) -> (B, H', W', O) with H' = (H + 2 p - k) / s + 1, weight (O, k k C);
// conv_transpose2d (B, H, W, C) -> (B, H', W', O) with H' = (H - 1) s - 2 p + k, weight (k k O, C). bias (O,) is optional.
// x float32, float64, bfloat16 or float16, parameters of its accumulator type, y of type `out`, float64 exactly where x is.
// With `rectify` they convolve max(x, 0), as if a ReLU stood before them, whose map is never made.
// Source: Dumoulin and Visin 2016, chapters 2 and 4. The products are those of `linear` over windows of pixels
// (Chellapilla et al. 2006), so they add in the same fixed order.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct ConvolutionParams {
  std::int64_t kernel = 3, stride = 1, padding = 1;
  DType out = DType::kFloat32;
  bool rectify = false;
};

struct Conv2d {
  static constexpr std::string_view name = "conv2d";
  static constexpr std::size_t arity = 3;  // x, weight, bias
  using Params = ConvolutionParams;
  struct Saved {
    Tensor x, weight;
    bool bias = false;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved);
  static Tensors<3> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<3>& needs);
};

struct ConvTranspose2d {
  static constexpr std::string_view name = "conv_transpose2d";
  static constexpr std::size_t arity = 3;  // x, weight, bias
  using Params = ConvolutionParams;
  using Saved = Conv2d::Saved;
  static Tensor forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved);
  static Tensors<3> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<3>& needs);
};

}  // namespace wudao::ops
