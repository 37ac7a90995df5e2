// Gaussian error linear unit.
//
//   tanh form: y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))        erf form: y = x/2 (1 + erf(x / sqrt(2)))
//
// Any shape; float32, float64 or bfloat16. Source: Hendrycks and Gimpel 2016, section 2.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct Gelu {
  static constexpr std::string_view name = "gelu";
  static constexpr std::size_t arity = 1;  // x
  struct Params {
    bool tanh_form = true;
  };
  struct Saved {
    Tensor x;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
