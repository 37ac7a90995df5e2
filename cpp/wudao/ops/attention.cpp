#include "wudao/ops/attention.h"

namespace wudao::ops {
namespace {

kernels::AttentionShape check(Context& ctx, const Attention::Params& params, const Tensor& qkv) {
  constexpr std::string_view op = Attention::name;
  check_matrix(op, "qkv", qkv);
  check_floating(op, "qkv", qkv);
  const std::int64_t rows = qkv.dim(0), width = qkv.dim(1);
  if (params.batch < 1 || rows % params.batch != 0) {
    fail<ShapeError>(op, "qkv", text("rows in ", params.batch, " equal samples"), to_text(qkv.shape()));
  }
  if (params.heads < 1 || width % (3 * params.heads) != 0) {
    fail<ShapeError>(op, "qkv", text("3 x ", params.heads, " heads of equal width per row"), to_text(qkv.shape()));
  }
  if (params.sep.defined() == params.mask.defined()) {
    fail<ShapeError>(op, "mask", "exactly one of sep and mask", params.sep.defined() ? "both" : "neither");
  }
  const std::int64_t length = rows / params.batch;
  if (params.sep.defined()) {
    check_shape(op, "sep", params.sep, {params.batch});
    check_ids(op, "sep", params.sep, length + 1);
  } else {
    check_shape(op, "mask", params.mask, {params.batch, length, length});
    check_dtype(op, "mask", params.mask, DType::kBool);
  }
  check_probability(op, "dropout", params.dropout);
  return {params.batch, params.heads, width / (3 * params.heads), length, length, 0,
          params.sep.defined() ? params.sep.data<std::int32_t>() : nullptr,
          params.mask.defined() ? params.mask.data<std::uint8_t>() : nullptr,
          qkv.dtype(), params.dropout, {ctx.seed, ctx.step, params.stream}, ctx.first_sample};
}

// Part 0, 1 or 2 (q, k, v) of a fused tensor.
kernels::Strided part(const Tensor& fused, int index, const kernels::AttentionShape& shape) {
  const std::int64_t width = shape.heads * shape.head_dim;
  auto* data = static_cast<std::byte*>(fused.raw()) + static_cast<std::size_t>(index * width) * size_of(fused.dtype());
  return {data, shape.queries * 3 * width, 3 * width, shape.head_dim};
}

kernels::Strided whole(const Tensor& y, const kernels::AttentionShape& shape) {
  const std::int64_t width = shape.heads * shape.head_dim;
  return {y.raw(), shape.queries * width, width, shape.head_dim};
}

}  // namespace

Tensor Attention::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& qkv = inputs[0];
  const kernels::AttentionShape shape = check(ctx, params, qkv);
  Tensor y = ctx.empty({qkv.dim(0), shape.heads * shape.head_dim}, qkv.dtype());
  Tensor softmax = ctx.empty({2, shape.batch, shape.heads, shape.queries}, accumulator_of(qkv.dtype()));
  ctx.kernels->attention_forward({shape, part(qkv, 0, shape), part(qkv, 1, shape), part(qkv, 2, shape), whole(y, shape),
                                  softmax.raw(), ctx.pool.get()});
  if (saved != nullptr) *saved = {qkv, y, softmax};
  return y;
}

Tensors<1> Attention::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                               const Flags<1>& needs) {
  if (!needs[0]) return {};
  const Tensor& qkv = saved.qkv;
  const kernels::AttentionShape shape = check(ctx, params, qkv);
  check_shape(name, "dy", dy, saved.y.shape());
  check_dtype(name, "dy", dy, qkv.dtype());
  Tensor dqkv = ctx.empty(qkv.shape(), qkv.dtype());
  ctx.kernels->attention_backward({shape, part(qkv, 0, shape), part(qkv, 1, shape), part(qkv, 2, shape),
                                   whole(saved.y, shape), whole(dy, shape), part(dqkv, 0, shape), part(dqkv, 1, shape),
                                   part(dqkv, 2, shape), saved.softmax.raw(), ctx.pool.get()});
  return {dqkv};
}

}  // namespace wudao::ops
