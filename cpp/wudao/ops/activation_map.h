// Elementwise non-linearities of picture models.
//
//   relu:  y = max(x, 0), slope 0 at 0        swish: y = x / (1 + exp(-x))
//
// Any shape; float32, float64, bfloat16 or float16. Source: Nair and Hinton 2010; Ramachandran et al. 2017.
#pragma once

#include "wudao/kernels/maps.h"
#include "wudao/ops/op.h"

namespace wudao::ops {

struct ActivationMap {
  static constexpr std::string_view name = "activation_map";
  static constexpr std::size_t arity = 1;  // x
  using Params = kernels::ActivationForm;
  struct Saved {
    Tensor x;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
