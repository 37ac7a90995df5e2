// Normalises each row to mean 0 and variance 1, then scales and shifts it.
//
//   y = (x - mean(x)) / sqrt(var(x) + eps) * gamma + beta        (var: biased, over the C values of the row)
//
// With `scaling` x is divided by max |x| / 8 before, which is taken for a constant in backward: the same but for eps.
//
// Shapes: x (N, C) float32, float64 or bfloat16; gamma, beta (C,) of x's accumulator type; y (N, C) of type `out`,
// float64 exactly where x is.
// Source: Ba, Kiros, Hinton 2016, eq. 3-4; scaling: Ding et al. 2021 (CogView), "precision bottleneck relaxation".
#pragma once

#include "wudao/kernels/rows.h"
#include "wudao/ops/op.h"

namespace wudao::ops {

struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  static constexpr std::size_t arity = 3;  // x, gamma, beta
  struct Params {
    double eps = 1e-5;
    DType out = DType::kFloat32;
    kernels::NormScaling scaling = kernels::NormScaling::kNone;
  };
  struct Saved {
    Tensor x, gamma, mean, rstd;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved);
  static Tensors<3> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<3>& needs);
};

}  // namespace wudao::ops
