#include "wudao/ops/matmul.h"

#include "wudao/ops/add.h"
#include "wudao/kernels/products.h"

namespace wudao::ops {

Tensor matmul(Context& ctx, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check_matrix(Matmul::name, "a", a);
  check_matrix(Matmul::name, "b", b);
  check_floating(Matmul::name, "a", a);
  check_dtype(Matmul::name, "b", b, a.dtype());
  const std::int64_t m = a.dim(transpose_a ? 1 : 0), k = a.dim(transpose_a ? 0 : 1);
  const std::int64_t kb = b.dim(transpose_b ? 1 : 0), n = b.dim(transpose_b ? 0 : 1);
  if (k != kb) {
    fail<ShapeError>(Matmul::name, "b", text("an inner dimension of ", k, " as in a"), text(kb), "Transpose one of the two?");
  }
  Tensor c = ctx.empty({m, n}, accumulator_of(a.dtype()));
  ctx.kernels->matmul({a.raw(), b.raw(), c.raw(), a.dtype(), transpose_a, transpose_b, m, n, k, ctx.pool.get()});
  return c;
}

Tensor Matmul::forward(Context& ctx, const Params& params, const Tensors<2>& inputs, Saved* saved) {
  if (saved != nullptr) *saved = {inputs[0], inputs[1]};
  return matmul(ctx, inputs[0], inputs[1], params.transpose_a, params.transpose_b);
}

Tensors<2> Matmul::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                            const Flags<2>& needs) {
  const auto& [a, b] = saved;
  const Tensor d = convert(ctx, dy, a.dtype());
  const bool ta = params.transpose_a, tb = params.transpose_b;
  Tensors<2> grads;
  // c = A B with A = op(a), B = op(b): dA = dc B^T, dB = A^T dc, transposed back where the input was transposed.
  if (needs[0]) grads[0] = convert(ctx, ta ? matmul(ctx, b, d, tb, true) : matmul(ctx, d, b, false, !tb), a.dtype());
  if (needs[1]) grads[1] = convert(ctx, tb ? matmul(ctx, d, a, true, ta) : matmul(ctx, a, d, !ta, false), b.dtype());
  return grads;
}

}  // namespace wudao::ops
