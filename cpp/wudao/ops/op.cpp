#include "wudao/ops/op.h"

namespace wudao::ops {

void check_defined(std::string_view op, std::string_view argument, const Tensor& tensor) {
  if (!tensor.defined()) fail<ShapeError>(op, argument, "an array", "none");
}

void check_shape(std::string_view op, std::string_view argument, const Tensor& tensor, const Shape& expected) {
  check_defined(op, argument, tensor);
  if (tensor.shape() != expected) {
    fail<ShapeError>(op, argument, text("shape ", to_text(expected)), to_text(tensor.shape()));
  }
}

void check_matrix(std::string_view op, std::string_view argument, const Tensor& tensor) {
  check_defined(op, argument, tensor);
  if (tensor.rank() != 2) {
    fail<ShapeError>(op, argument, "a matrix (2 dimensions)", to_text(tensor.shape()), "Reshape it to (rows, columns).");
  }
}

void check_map(std::string_view op, std::string_view argument, const Tensor& tensor) {
  check_defined(op, argument, tensor);
  if (tensor.rank() == 4 && tensor.dim(1) > 0 && tensor.dim(2) > 0 && tensor.dim(3) > 0) return;
  fail<ShapeError>(op, argument, "a map (batch, height, width, channels)", to_text(tensor.shape()),
                   "Channels come last.");
}

void check_dtype(std::string_view op, std::string_view argument, const Tensor& tensor, DType expected) {
  check_defined(op, argument, tensor);
  if (tensor.dtype() != expected) fail<DTypeError>(op, argument, name_of(expected), name_of(tensor.dtype()));
}

void check_floating(std::string_view op, std::string_view argument, const Tensor& tensor) {
  check_defined(op, argument, tensor);
  if (!is_floating(tensor.dtype())) {
    fail<DTypeError>(op, argument, "float32, float64, bfloat16 or float16", name_of(tensor.dtype()));
  }
}

void check_out(std::string_view op, const Tensor& x, DType out) {
  const bool fits = is_floating(out) && accumulator_of(out) == accumulator_of(x.dtype());
  if (fits) return;
  const bool wide = x.dtype() == DType::kFloat64;
  fail<DTypeError>(op, "out", text(wide ? "float64" : "float32, bfloat16 or float16", " for x of type ", name_of(x.dtype())),
                   name_of(out), "Convert x first.");
}

void check_ids(std::string_view op, std::string_view argument, const Tensor& ids, std::int64_t limit) {
  check_dtype(op, argument, ids, DType::kInt32);
  const std::int32_t* values = ids.data<std::int32_t>();
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    if (values[i] >= 0 && values[i] < limit) continue;
    fail<ShapeError>(op, argument, text("numbers from 0 to ", limit - 1), text(values[i], " at index ", i));
  }
}

void check_shards(std::string_view op, const Context& ctx, std::int64_t rows) {
  if (ctx.shards < 1 || (ctx.shards & (ctx.shards - 1)) != 0 || rows % ctx.shards != 0) {
    fail<ShapeError>(op, "shards", "a power of two that divides the number of rows",
                     text(ctx.shards, " shards for ", rows, " rows"));
  }
}

void check_probability(std::string_view op, std::string_view argument, double p) {
  if (!(p >= 0.0 && p < 1.0)) fail<ConfigError>(op, argument, "a probability of at least 0 and below 1", text(p));
}

}  // namespace wudao::ops
