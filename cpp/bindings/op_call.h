// Calls an op of the engine on NumPy arrays: forward, or forward and backward in one go.
#pragma once

#include <optional>
#include <vector>

#include "arrays.h"
#include "runtime.h"
#include "wudao/ops/add.h"
#include "wudao/ops/op.h"

namespace wudao::python {

// What every op takes besides its own arguments.
struct OpOptions {
  DType dtype = DType::kFloat32;  // of the computation; float32 arrays are rounded to bfloat16 or float16 for it
  int shards = 1;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;

  DType sum() const { return accumulator_of(dtype); }
};

inline Context op_context(const OpOptions& options) {
  Context ctx = runtime().context();
  ctx.shards = options.shards;
  ctx.seed = options.seed;
  ctx.step = options.step;
  return ctx;
}

// An array in the compute type, or in its accumulator type (parameters, residual stream). None: undefined.
inline Tensor activation(Context& ctx, const char* op, const char* argument, const py::object& array, DType dtype) {
  if (array.is_none()) return {};
  return ops::convert(ctx, float_tensor(op, argument, array, accumulator_of(dtype)), dtype);
}

template <class Op>
py::array call_forward(Context& ctx, const typename Op::Params& params, const ops::Tensors<Op::arity>& inputs) {
  Tensor y;
  {
    const py::gil_scoped_release release;
    y = Op::forward(ctx, params, inputs, nullptr);
  }
  return to_numpy_widened(ctx, y);
}

// The gradients of all inputs, None for an absent one.
template <class Op>
py::tuple call_backward(Context& ctx, const typename Op::Params& params, const ops::Tensors<Op::arity>& inputs,
                        const Tensor& dy) {
  ops::Tensors<Op::arity> gradients;
  {
    const py::gil_scoped_release release;
    typename Op::Saved saved;
    ops::Flags<Op::arity> needs{};
    for (std::size_t i = 0; i < Op::arity; ++i) needs[i] = inputs[i].defined();
    Op::forward(ctx, params, inputs, &saved);
    gradients = Op::backward(ctx, params, saved, dy, needs);
  }
  py::tuple out(Op::arity);
  for (std::size_t i = 0; i < Op::arity; ++i) {
    out[i] = gradients[i].defined() ? py::object(to_numpy_widened(ctx, gradients[i])) : py::none();
  }
  return out;
}

inline OpOptions op_options(const std::string& dtype, int shards = 1, std::uint64_t seed = 0, std::uint32_t step = 0) {
  return {parse_dtype(dtype), shards, seed, step};
}

}  // namespace wudao::python
