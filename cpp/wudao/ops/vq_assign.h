// The nearest code of a book for every row.
//
//   nearest_n = argmin over k of |z_n - e_k|^2 = argmax of z_n . e_k - |e_k|^2 / 2; of equal scores the lowest k
//
// Shapes: z (N, C), book (M, C), both float32 or float64; result (N,) int32. Memory grows with N + M, not with N M.
// Source: van den Oord, Vinyals, Kavukcuoglu 2017, eq. 1-2.
#pragma once

#include "wudao/ops/op.h"

namespace wudao::ops {

Tensor vq_assign(Context& ctx, const Tensor& z, const Tensor& book);

}  // namespace wudao::ops
