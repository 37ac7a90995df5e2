// Sets values to zero at random and scales the others up.
//
//   y[i] = x[i] / (1 - p) where u(seed, step, stream, i) >= p, else 0        i: index in the global batch
//
// The mask is drawn again in backward, never stored. Any shape (first axis: rows of the micro-batch); float32, float64
// or bfloat16. Source: Srivastava et al. 2014, section 4.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct Dropout {
  static constexpr std::string_view name = "dropout";
  static constexpr std::size_t arity = 1;  // x
  struct Params {
    double p = 0.0;
    std::uint32_t stream = 0;
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
