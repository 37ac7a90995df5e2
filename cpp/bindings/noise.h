// Operands of what is timed.
#pragma once

#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/table.h"
#include "wudao/ops/add.h"
#include "wudao/tensor/context.h"

namespace wudao::python {

// Values as models have them: a product of zeros draws less power, and so may run at a higher clock.
inline Tensor noise(Context& ctx, const Shape& shape, DType type) {
  const Tensor x = ctx.empty(shape, accumulator_of(type));
  ctx.kernels->fill_normal({x.raw(), x.dtype(), x.size(), 1.0, {}, ctx.pool.get()});
  return ops::convert(ctx, x, type);
}

}  // namespace wudao::python
