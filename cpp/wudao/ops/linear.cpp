#include "wudao/ops/linear.h"

#include "wudao/kernels/rows.h"
#include "wudao/ops/packed_weight.h"

namespace wudao::ops {
namespace {

void check_int8(const Tensor& x, const Tensor& weight) {
  if (x.dtype() == DType::kFloat64)
    fail<DTypeError>(Linear::name, "x", "float32 or bfloat16 for int8 products", "float64");
  for (const std::int64_t size : weight.shape()) {
    if (size % 4 == 0 && size <= kernels::kQuantizedWidest) continue;
    fail<ShapeError>(
        Linear::name, "weight",
        text("sides that are multiples of 4 and at most ", kernels::kQuantizedWidest, " for int8 products"),
        to_text(weight.shape()), "Use products of floats.");
  }
}

void check_inputs(const Linear::Params& params, const Tensors<4>& inputs) {
  const auto& [x, weight, bias, residual] = inputs;
  check_matrix(Linear::name, "x", x);
  check_floating(Linear::name, "x", x);
  check_out(Linear::name, x, params.out);
  check_matrix(Linear::name, "weight", weight);
  const DType sum = accumulator_of(x.dtype());
  check_dtype(Linear::name, "weight", weight, sum);
  check_shape(Linear::name, "weight", weight, {weight.dim(0), x.dim(1)});
  if (bias.defined()) {
    check_shape(Linear::name, "bias", bias, {weight.dim(0)});
    check_dtype(Linear::name, "bias", bias, sum);
  }
  if (residual.defined()) {
    check_shape(Linear::name, "residual", residual, {x.dim(0), weight.dim(0)});
    check_dtype(Linear::name, "residual", residual, params.out);
  }
  check_probability(Linear::name, "dropout", params.dropout);
  if (params.int8) check_int8(x, weight);
}

void* raw_or_null(const Tensor& tensor) { return tensor.defined() ? tensor.raw() : nullptr; }

philox::Key dropout_key(const Context& ctx, std::uint32_t stream) { return {ctx.seed, ctx.step, stream}; }

// The global index of the first row of this micro-batch.
std::int64_t first_row(const Context& ctx, std::int64_t rows) {
  return ctx.samples > 0 ? ctx.first_sample * (rows / ctx.samples) : 0;
}

}  // namespace

Tensor Linear::forward(Context& ctx, const Params& params, const Tensors<4>& inputs, Saved* saved) {
  check_inputs(params, inputs);
  const auto& [x, weight, bias, residual] = inputs;
  const std::int64_t rows = x.dim(0), out = weight.dim(0);
  Tensor y = ctx.empty({rows, out}, params.out);
  Tensor preactivation;
  if (saved != nullptr && params.activation != Activation::kNone) preactivation = ctx.empty({rows, out}, x.dtype());
  kernels::QuantizedWeight quantized = {};
  Tensor work;
  if (params.quantized != nullptr) quantized = params.quantized->view();
  if (params.quantized != nullptr || params.int8) {
    work = ctx.empty({kernels::digit_bytes(rows, x.dim(1))}, DType::kUInt8);
  }
  PackedWeight packed(ctx, weight);
  ctx.kernels->linear_forward({x.raw(),
                               weight.raw(),
                               packed.forms(),
                               raw_or_null(bias),
                               raw_or_null(residual),
                               y.raw(),
                               raw_or_null(preactivation),
                               raw_or_null(work),
                               x.dtype(),
                               params.out,
                               params.activation,
                               params.dropout,
                               dropout_key(ctx, params.stream),
                               first_row(ctx, rows),
                               rows,
                               x.dim(1),
                               out,
                               ctx.pool.get(),
                               params.quantized != nullptr ? &quantized : nullptr,
                               params.int8,
                               {ctx.seed, ctx.step, params.rounding}});
  if (saved != nullptr) *saved = {x, weight, preactivation, bias.defined(), residual.defined()};
  return y;
}

Tensors<4> Linear::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                            const Flags<4>& needs) {
  if (params.quantized != nullptr) {
    fail<ConfigError>(name, "weight", "float32 for gradients", text(params.quantized->bits, " bits"),
                      "Train first, quantise afterwards.");
  }
  const std::int64_t rows = saved.x.dim(0), in = saved.x.dim(1), out = saved.weight.dim(0);
  const DType compute = saved.x.dtype(), sum = saved.weight.dtype();
  check_shape(name, "dy", dy, {rows, out});
  check_dtype(name, "dy", dy, params.out);
  check_shards(name, ctx, rows);
  const bool same = params.activation == Activation::kNone && params.dropout == 0.0 && params.out == compute;
  Tensors<4> grads;
  if (needs[0]) grads[0] = ctx.empty({rows, in}, compute);
  if (needs[1]) grads[1] = ctx.empty({out, in}, sum);
  if (needs[2] && saved.bias) grads[2] = ctx.empty({out}, sum);
  if (needs[3] && saved.residual) grads[3] = dy;
  Tensor du = same ? dy : ctx.empty({rows, out}, compute);
  Tensor work = ctx.empty({out * kernels::column_chunks(rows, ctx.shards)}, sum), digits;
  if (params.int8) digits = ctx.empty({kernels::digit_bytes(rows, out)}, DType::kUInt8);
  PackedWeight packed(ctx, saved.weight);
  ctx.kernels->linear_backward({dy.raw(),
                                saved.x.raw(),
                                saved.weight.raw(),
                                packed.forms(),
                                raw_or_null(saved.preactivation),
                                raw_or_null(grads[0]),
                                raw_or_null(grads[1]),
                                raw_or_null(grads[2]),
                                du.raw(),
                                work.raw(),
                                compute,
                                params.out,
                                params.activation,
                                params.dropout,
                                dropout_key(ctx, params.stream),
                                first_row(ctx, rows),
                                rows,
                                in,
                                out,
                                ctx.shards,
                                ctx.pool.get(),
                                raw_or_null(digits)});
  return grads;
}

}  // namespace wudao::ops
