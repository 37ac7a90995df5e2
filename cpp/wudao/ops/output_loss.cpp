#include "wudao/ops/output_loss.h"

#include "wudao/kernels/products.h"
#include "wudao/ops/packed_weight.h"

namespace wudao::ops {
namespace {

void check(const Context& ctx, const OutputLoss::Params& params, const Tensors<2>& inputs) {
  constexpr std::string_view op = OutputLoss::name;
  const auto& [h, weight] = inputs;
  check_matrix(op, "h", h);
  check_floating(op, "h", h);
  check_matrix(op, "weight", weight);
  check_dtype(op, "weight", weight, accumulator_of(h.dtype()));
  check_shape(op, "weight", weight, {weight.dim(0), h.dim(1)});
  const std::int64_t columns = params.logit_columns > 0 ? params.logit_columns : weight.dim(0);
  if (columns > weight.dim(0)) {
    fail<ConfigError>(op, "logit_columns", text("at most ", weight.dim(0)), text(columns));
  }
  check_shape(op, "targets", params.targets, {h.dim(0)});
  check_ids(op, "targets", params.targets, columns);
  check_shape(op, "weights", params.weights, {h.dim(0)});
  check_dtype(op, "weights", params.weights, DType::kFloat64);
  check_shards(op, ctx, h.dim(0));
}

void* allocate(void* arena, std::int64_t bytes) { return static_cast<Arena*>(arena)->allocate(static_cast<std::size_t>(bytes)); }

void release(void* arena, void* block, std::int64_t bytes) {
  static_cast<Arena*>(arena)->release(block, static_cast<std::size_t>(bytes));
}

}  // namespace

Tensor OutputLoss::forward(Context& ctx, const Params& params, const Tensors<2>& inputs, Saved* saved) {
  check(ctx, params, inputs);
  const auto& [h, weight] = inputs;
  if (params.quantized != nullptr && saved != nullptr) {
    fail<ConfigError>(name, "weight", "float32 for gradients", text(params.quantized->bits, " bits"),
                      "Train first, quantise afterwards.");
  }
  kernels::QuantizedWeight quantized = {};
  if (params.quantized != nullptr) quantized = params.quantized->view();
  Tensor loss = ctx.zeros({ctx.shards}, DType::kFloat64);
  if (saved != nullptr) *saved = {ctx.empty(h.shape(), h.dtype()), ctx.empty(weight.shape(), weight.dtype())};
  PackedWeight packed(ctx, weight);
  ctx.kernels->output_loss({h.raw(), weight.raw(), packed.forms(), params.targets.data<std::int32_t>(),
                            params.weights.data<double>(), loss.data<double>(),
                            params.row_loss.defined() ? params.row_loss.data<double>() : nullptr,
                            saved != nullptr ? saved->dh.raw() : nullptr,
                            saved != nullptr ? saved->dweight.raw() : nullptr, allocate, release, ctx.arena.get(),
                            h.dtype(), h.dim(0), h.dim(1), weight.dim(0), params.logit_columns, ctx.shards,
                            ctx.pool.get(), params.quantized != nullptr ? &quantized : nullptr});
  return loss;
}

Tensors<2> OutputLoss::backward(Context&, const Params&, const Saved& saved, const Tensor& dy, const Flags<2>& needs) {
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    if (dy.data<double>()[i] != 1.0) fail<ConfigError>(name, "dy", "ones", text(dy.data<double>()[i]), "Scale weights.");
  }
  return {needs[0] ? saved.dh : Tensor(), needs[1] ? saved.dweight : Tensor()};
}

}  // namespace wudao::ops
