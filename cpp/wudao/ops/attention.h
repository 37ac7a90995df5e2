// Scaled dot-product attention with GLM's mask, over fused queries, keys and values.
//
//   y = softmax(q k^T / sqrt(D) where visible) v        per sample and head
//
// Query i of sample b sees key j when j <= i or j < sep[b] (prefix form), or when mask[b, i, j] is not 0 (explicit form):
// exactly one of `sep` and `mask` is given. No T x T matrix is held; hidden key blocks are skipped; a query that sees
// nothing gives zeros. Dropout acts on the normalised probabilities.
// Shapes: qkv (B T, 3 H D), each row [all q heads | all k heads | all v heads]; sep (B,) int32 in [0, T];
// mask (B, T, T) bool; y (B T, H D). float32, float64 or bfloat16.
// Source: Vaswani et al. 2017, eq. 1; Du et al. 2022 (GLM), section 2.2; Dao et al. 2022, algorithm 1.
#pragma once

#include "wudao/kernels/attention.h"
#include "wudao/ops/op.h"

namespace wudao::ops {

struct Attention {
  static constexpr std::string_view name = "attention";
  static constexpr std::size_t arity = 1;  // qkv
  struct Params {
    std::int64_t batch = 0, heads = 0;
    Tensor sep, mask;
    double dropout = 0.0;
    std::uint32_t stream = 0;
  };
  struct Saved {
    Tensor qkv, y, softmax;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
