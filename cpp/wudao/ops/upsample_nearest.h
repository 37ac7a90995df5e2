// Nearest-neighbour upsampling: every pixel becomes times x times pixels.
//
//   y[b, i, j, c] = x[b, i / times, j / times, c];    dx is the sum of the pixels that a pixel became
//
// Shapes: x (B, H, W, C) -> (B, times H, times W, C), of any floating type. Source: Dumoulin and Visin 2016, section 4.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

struct UpsampleNearest {
  static constexpr std::string_view name = "upsample_nearest";
  static constexpr std::size_t arity = 1;  // x
  struct Params {
    std::int64_t times = 2;
  };
  struct Saved {
    Shape shape;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
