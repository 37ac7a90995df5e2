#include "wudao/ops/embedding.h"

#include "wudao/kernels/rows.h"

namespace wudao::ops {

Tensor Embedding::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& table = inputs[0];
  check_matrix(name, "table", table);
  check_dtype(name, "table", table, accumulator_of(table.dtype()));
  check_ids(name, "ids", params.ids, table.dim(0));
  const std::int64_t rows = params.ids.size();
  Tensor y = ctx.empty({rows, table.dim(1)}, table.dtype());
  kernels::QuantizedWeight quantized = {};
  if (params.quantized != nullptr) quantized = params.quantized->view();
  ctx.kernels->embedding_forward({table.raw(), params.ids.data<std::int32_t>(), y.raw(), table.dtype(), rows,
                                  table.dim(1), ctx.pool.get(), params.quantized != nullptr ? &quantized : nullptr});
  if (saved != nullptr) *saved = {params.ids, table.shape()};
  return y;
}

Tensors<1> Embedding::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                               const Flags<1>& needs) {
  if (!needs[0]) return {};
  const std::int64_t rows = saved.ids.size(), table_rows = saved.table_shape[0], cols = saved.table_shape[1];
  check_shape(name, "dy", dy, {rows, cols});
  check_shards(name, ctx, rows);
  Tensor dtable = ctx.empty(saved.table_shape, dy.dtype());
  Tensor work = ctx.empty({rows + table_rows + 1}, DType::kInt32);
  ctx.kernels->embedding_backward({dy.raw(), saved.ids.data<std::int32_t>(), dtable.raw(), work.data<std::int32_t>(),
                                   dy.dtype(), rows, cols, table_rows, ctx.shards, ctx.pool.get(), params.gradient});
  return {dtable};
}

}  // namespace wudao::ops
