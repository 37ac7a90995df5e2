// Cross-entropy of the tied output projection, without ever holding the logits.
//
//   z_n = h_n W^T;   loss_s = sum over rows n of shard s of weights[n] (logsumexp(z_n) - z_n[targets[n]])
//
// Logits exist for a chunk of rows at a time, first to last; forward makes the gradients in the same pass, since the
// loss is the end of the tape. Rows of weight 0 cost nothing.
// Shapes: h (N, C) float32, float64 or bfloat16; weight (V, C) of h's accumulator type; targets (N,) int32 in [0, V);
// weights (N,) float64; result (shards,) float64. Columns from `logit_columns` on (padding) have probability 0.
// Source: Du et al. 2022 (GLM), eq. 1-2.
#pragma once

#include "wudao/ops/op.h"
#include "wudao/ops/quantized.h"

namespace wudao::ops {

struct OutputLoss {
  static constexpr std::string_view name = "output_loss";
  static constexpr std::size_t arity = 2;  // h, weight
  struct Params {
    Tensor targets, weights;
    std::int64_t logit_columns = 0;  // 0: all
    Tensor row_loss;                 // (N,) float64, filled when given
    const Quantized* quantized = nullptr;  // W of few bits; `weight` gives its shape only, and there are no gradients
  };
  struct Saved {
    Tensor dh, dweight;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<2>& inputs, Saved* saved);
  // dy must be all ones: scale `weights` instead.
  static Tensors<2> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<2>& needs);
};

}  // namespace wudao::ops
