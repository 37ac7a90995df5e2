// Multiplies by a weight matrix, with what usually follows fused in.
//
//   u = x W^T + bias;   y = residual + dropout(activation(u))
//
// Shapes: x (N, in) float32, float64 or bfloat16; weight (out, in), bias (out,) of x's accumulator type; residual and
// y (N, out) of type `out`, float64 exactly where x is. bias and residual are optional. bfloat16: x and W are rounded,
// sums are float32.
#pragma once

#include "wudao/kernels/products.h"
#include "wudao/ops/op.h"
#include "wudao/ops/quantized.h"

namespace wudao::ops {

using kernels::Activation;

struct Linear {
  static constexpr std::string_view name = "linear";
  static constexpr std::size_t arity = 4;  // x, weight, bias, residual
  struct Params {
    DType out = DType::kFloat32;
    Activation activation = Activation::kNone;
    double dropout = 0.0;
    std::uint32_t stream = 0;              // tells this use of dropout from every other one
    const Quantized* quantized = nullptr;  // W of few bits; `weight` gives its shape only, and there is no backward
    bool int8 = false;                     // y and dx from factors rounded to 8 bits
    std::uint32_t rounding = 0;            // stream of the numbers that round W then, anew in each step
  };
  struct Saved {
    Tensor x, weight, preactivation;
    bool bias = false, residual = false;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<4>& inputs, Saved* saved);
  static Tensors<4> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<4>& needs);
};

}  // namespace wudao::ops
