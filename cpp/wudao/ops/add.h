// Adds two tensors of one shape: y = a + b. float32, float64 or bfloat16 in any mix; y has the type of a.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct Add {
  static constexpr std::string_view name = "add";
  static constexpr std::size_t arity = 2;  // a, b
  struct Params {};
  struct Saved {
    DType a = DType::kFloat32, b = DType::kFloat32;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<2>& inputs, Saved* saved);
  static Tensors<2> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<2>& needs);
};

// y = x in another type.
Tensor convert(Context& ctx, const Tensor& x, DType dtype);

// y += x in place.
void accumulate(Context& ctx, Tensor& y, const Tensor& x);

}  // namespace wudao::ops
