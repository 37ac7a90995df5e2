#include <cmath>

#include "wudao/kernels/table.h"
#include "wudao/kernels/update.h"
#include "wudao/ops/add.h"
#include "wudao/ops/matmul.h"
#include "wudao/optim/optimizer.h"

namespace wudao::optim {
namespace {

constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;

// y = a x + b y.
void blend(Context& ctx, const Tensor& x, Tensor& y, double a, double b) {
  ctx.kernels->scale({x.raw(), y.raw(), a, b, y.dtype(), y.size(), ctx.pool.get()});
}

// One step on X with rows <= columns, or on its transpose X^T when `tall`: then A = X^T X and X <- aX + X(bA + cA^2).
Tensor step(Context& ctx, const Tensor& x, bool tall, DType compute) {
  const Tensor xc = ops::convert(ctx, x, compute);
  const Tensor a = ops::matmul(ctx, xc, xc, tall, !tall);
  const Tensor ac = ops::convert(ctx, a, compute);
  Tensor polynomial = ops::matmul(ctx, ac, ac, false, true);  // A is symmetric: half of A A^T is enough
  blend(ctx, a, polynomial, kB, kC);
  const Tensor pc = ops::convert(ctx, polynomial, compute);
  Tensor next = tall ? ops::matmul(ctx, xc, pc) : ops::matmul(ctx, pc, xc);
  blend(ctx, x, next, kA, 1.0);
  return next;
}

}  // namespace

Tensor newton_schulz(Context& ctx, const Tensor& gradient, DType compute, int steps) {
  constexpr double kEps = 1e-7;
  ops::check_matrix("newton_schulz", "gradient", gradient);
  Tensor x = ctx.empty(gradient.shape(), gradient.dtype());
  const double norm = std::sqrt(sum_squares(ctx, gradient));
  ctx.kernels->scale({gradient.raw(), x.raw(), 1.0 / (norm + kEps), 0.0, x.dtype(), x.size(), ctx.pool.get()});
  const bool tall = x.dim(0) > x.dim(1);
  for (int i = 0; i < steps; ++i) x = step(ctx, x, tall, compute);
  return x;
}

}  // namespace wudao::optim
