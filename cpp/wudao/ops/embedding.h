// Looks up rows of a table.
//
//   y[n, :] = table[ids[n], :]            dtable[v, :] = gradient * sum of dy[n, :] over n with ids[n] = v
//
// `gradient` below 1 slows the table down beside the rest: y = gradient table[ids] + (1 - gradient) stop(table[ids]).
// Source of that: Ding et al. 2021 (CogView), Zeng et al. 2022 (GLM-130B, "embedding gradient shrink").
//
// Shapes: ids (N,) int32 with 0 <= id < V; table (V, C) float32 or float64; y (N, C) of the table's type.
#pragma once

#include "wudao/ops/op.h"
#include "wudao/ops/quantized.h"

namespace wudao::ops {

struct Embedding {
  static constexpr std::string_view name = "embedding";
  static constexpr std::size_t arity = 1;  // table
  struct Params {
    Tensor ids;
    const Quantized* quantized = nullptr;  // the table in 8 bits; `table` gives its shape only, and there is no backward
    double gradient = 1.0;
  };
  struct Saved {
    Tensor ids;
    Shape table_shape;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
