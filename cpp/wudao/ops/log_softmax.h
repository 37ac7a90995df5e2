// y = x - log(sum(exp(x))) along each row. x (N, C) float32 or float64. It serves scoring and sampling; the
// tape does not know it.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

Tensor log_softmax(Context& ctx, const Tensor& x);

// dx = dy - softmax(x) sum(dy) along each row.
Tensor log_softmax_backward(Context& ctx, const Tensor& x, const Tensor& dy);

}  // namespace wudao::ops
