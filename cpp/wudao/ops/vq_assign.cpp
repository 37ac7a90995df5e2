#include "wudao/ops/vq_assign.h"

#include "wudao/kernels/codes.h"
#include "wudao/ops/packed_weight.h"

namespace wudao::ops {
namespace {

constexpr std::string_view kName = "vq_assign";

template <class T>
void half_squares(const Tensor& book, T* halves) {
  const std::int64_t width = book.dim(1);
  for (std::int64_t k = 0; k < book.dim(0); ++k) {
    double sum = 0;  // rounded once
    for (std::int64_t c = 0; c < width; ++c) {
      const double e = static_cast<double>(book.data<T>()[k * width + c]);
      sum += e * e;
    }
    halves[k] = static_cast<T>(sum / 2);
  }
}

}  // namespace

Tensor vq_assign(Context& ctx, const Tensor& z, const Tensor& book) {
  check_matrix(kName, "z", z);
  check_matrix(kName, "book", book);
  if (z.dtype() != DType::kFloat32 && z.dtype() != DType::kFloat64)
    fail<DTypeError>(kName, "z", "float32 or float64", name_of(z.dtype()));
  check_dtype(kName, "book", book, z.dtype());
  if (book.dim(0) == 0) fail<ShapeError>(kName, "book", "at least one code", to_text(book.shape()));
  check_shape(kName, "book", book, {book.dim(0), z.dim(1)});
  const Tensor halves = ctx.empty({book.dim(0)}, z.dtype());
  if (z.dtype() == DType::kFloat64) {
    half_squares(book, halves.data<double>());
  } else {
    half_squares(book, halves.data<float>());
  }
  Tensor nearest = ctx.empty({z.dim(0)}, DType::kInt32);
  PackedWeight packed(ctx, book);
  ctx.kernels->vq_assign({z.raw(), book.raw(), packed.forms(), halves.raw(), nearest.data<std::int32_t>(), z.dtype(),
                             z.dim(0), z.dim(1), book.dim(0), ctx.pool.get()});
  return nearest;
}

}  // namespace wudao::ops
