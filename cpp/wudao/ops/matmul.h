// Multiplies two matrices: c = op(a) op(b), op(x) = x or its transpose.
//
// Shapes: op(a) (M, K), op(b) (K, N), c (M, N). float32, float64, or bfloat16 with a float32 result.
// Each element adds its K products in one fixed order whatever M, N and the threads.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct Matmul {
  static constexpr std::string_view name = "matmul";
  static constexpr std::size_t arity = 2;  // a, b
  struct Params {
    bool transpose_a = false, transpose_b = false;
  };
  struct Saved {
    Tensor a, b;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<2>& inputs, Saved* saved);
  static Tensors<2> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<2>& needs);
};

Tensor matmul(Context& ctx, const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

}  // namespace wudao::ops
