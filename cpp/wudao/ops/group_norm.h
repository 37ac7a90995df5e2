// Normalises groups of channels of each picture to mean 0 and variance 1, then scales and shifts every channel.
//
//   y[b, i, j, c] = (x[b, i, j, c] - mean) / sqrt(var + eps) gamma_c + beta_c
//
// mean and (biased) var over the pixels of picture b and the channels of c's group. Shapes: x, y (B, H, W, C), C a multiple of
// the number of groups; gamma, beta (C,) of x's accumulator type. Source: Wu and He 2018, eq. 1-4, 6, 7.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct GroupNorm {
  static constexpr std::string_view name = "group_norm";
  static constexpr std::size_t arity = 3;  // x, gamma, beta
  struct Params {
    std::int64_t groups = 32;
    double eps = 1e-6;
  };
  struct Saved {
    Tensor x, gamma;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<3>& inputs, Saved* saved);
  static Tensors<3> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<3>& needs);
};

}  // namespace wudao::ops
