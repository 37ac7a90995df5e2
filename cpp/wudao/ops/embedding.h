// Looks up rows of a table.
//
//   y[n, :] = table[ids[n], :]            dtable[v, :] = sum of dy[n, :] over n with ids[n] = v
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
