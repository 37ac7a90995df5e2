// Finite scalar quantization: every channel is bounded and rounded to one of its levels, straight through.
//
//   bound(z) = h tanh(z + shift) - offset;   q = round(bound(z)) / w;   dz = dq h (1 - tanh(z + shift)^2) / w
//   h = (L - 1) (1 - 0.001) / 2,  offset = 1/2 for even L, else 0,  shift = tan(offset / h),  w = L / 2 rounded down
//   code = sum over c of (w_c q_c + w_c) (product of the L before c)
//
// L levels of a channel: all of -w .. L - 1 - w are reached, and even numbers of levels have one more below 0 than above.
// Shapes: z (..., C) float32 or float64, C levels of at least 2; q of z's shape and of type `out`, dq like q.
// Source: Mentzer, Minnen, Agustsson, Tschannen 2023, "Finite scalar quantization: VQ-VAE made simple", section 3.1 and
// appendix A.1.
#pragma once

#include <vector>

#include "wudao/ops/op.h"

namespace wudao::ops {

using Levels = std::vector<std::int64_t>;

struct Fsq {
  static constexpr std::string_view name = "fsq";
  static constexpr std::size_t arity = 1;  // z
  struct Params {
    Levels levels;
    DType out = DType::kFloat32;
  };
  struct Saved {
    Tensor z;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

// q (N, C) -> (N,) int32, and back: codes from 0 to the product of the levels - 1.
Tensor fsq_codes(Context& ctx, const Tensor& q, const Levels& levels);
Tensor fsq_vectors(Context& ctx, const Tensor& codes, const Levels& levels, DType dtype);

}  // namespace wudao::ops
