// y = x - log(sum(exp(x))) along each row. x (N, C) float32 or float64. Forward only: it serves scoring and sampling.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

Tensor log_softmax(Context& ctx, const Tensor& x);

}  // namespace wudao::ops
