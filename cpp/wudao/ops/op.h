// The shape of an op, and the checks that ops share.
//
// An op is a struct with
//   arity, name                                      number of tensor inputs; as the user spells it
//   Params                                           what is not differentiated: numbers, ids, masks
//   Saved                                            what backward needs, filled by forward unless null
//   forward(ctx, params, inputs, saved) -> Tensor
//   backward(ctx, params, saved, dy, needs) -> gradients, one per input; undefined where not needed
// An optional input that is absent is an undefined Tensor.
#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "wudao/base/error.h"
#include "wudao/kernels/table.h"
#include "wudao/tensor/context.h"

namespace wudao::ops {

template <std::size_t n>
using Tensors = std::array<Tensor, n>;

template <std::size_t n>
using Flags = std::array<bool, n>;

template <class Op>
concept Differentiable = requires(Context& ctx, const typename Op::Params& params, const Tensors<Op::arity>& inputs,
                                  typename Op::Saved* saved, const Tensor& dy, const Flags<Op::arity>& needs) {
  { Op::name } -> std::convertible_to<std::string_view>;
  { Op::forward(ctx, params, inputs, saved) } -> std::same_as<Tensor>;
  { Op::backward(ctx, params, *saved, dy, needs) } -> std::same_as<Tensors<Op::arity>>;
};

// Each check names the op and the argument as the user knows them.
void check_defined(std::string_view op, std::string_view argument, const Tensor& tensor);
void check_shape(std::string_view op, std::string_view argument, const Tensor& tensor, const Shape& expected);
void check_matrix(std::string_view op, std::string_view argument, const Tensor& tensor);
// A map (batch, height, width, channels) of which nothing is empty but, perhaps, the batch.
void check_map(std::string_view op, std::string_view argument, const Tensor& tensor);
void check_dtype(std::string_view op, std::string_view argument, const Tensor& tensor, DType expected);
void check_floating(std::string_view op, std::string_view argument, const Tensor& tensor);
// `out`, the type of a result computed from `x`: float64 and the narrower types do not mix.
void check_out(std::string_view op, const Tensor& x, DType out);
// Every element of an int32 tensor lies in [0, limit).
void check_ids(std::string_view op, std::string_view argument, const Tensor& ids, std::int64_t limit);
// rows divide evenly among the shards of the micro-batch.
void check_shards(std::string_view op, const Context& ctx, std::int64_t rows);
// A probability in [0, 1).
void check_probability(std::string_view op, std::string_view argument, double p);

}  // namespace wudao::ops
