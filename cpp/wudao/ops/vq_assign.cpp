#include "wudao/ops/vq_assign.h"

#include <algorithm>

#include "wudao/kernels/codes.h"
#include "wudao/ops/packed_weight.h"

namespace wudao::ops {
namespace {

constexpr std::string_view kName = "vq_assign";

constexpr std::int64_t kTogether = 4;  // codes whose sums are made side by side: one alone would wait for each addition

// |e|^2 / 2 of some codes, summed in float64 and rounded once.
template <class T>
void half_squares(const T* book, std::int64_t width, std::int64_t count, T* halves) {
  double sums[kTogether] = {};
  for (std::int64_t c = 0; c < width; ++c) {
    for (std::int64_t k = 0; k < kTogether; ++k) {
      const double e = static_cast<double>(book[(k < count ? k : 0) * width + c]);
      sums[k] += e * e;
    }
  }
  for (std::int64_t k = 0; k < count; ++k) halves[k] = static_cast<T>(sums[k] / 2);
}

template <class T>
Tensor half_squares_of(Context& ctx, const Tensor& book) {
  Tensor halves = ctx.empty({book.dim(0)}, book.dtype());
  const std::int64_t codes = book.dim(0), width = book.dim(1);
  ctx.pool->for_each((codes + kTogether - 1) / kTogether, [&](std::int64_t task, int) {
    const std::int64_t k = task * kTogether;
    half_squares(book.data<T>() + k * width, width, std::min(kTogether, codes - k), halves.data<T>() + k);
  });
  return halves;
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
  const bool wide = z.dtype() == DType::kFloat64;
  const Tensor halves = wide ? half_squares_of<double>(ctx, book) : half_squares_of<float>(ctx, book);
  Tensor nearest = ctx.empty({z.dim(0)}, DType::kInt32), work;
  if (!wide && kernels::is_filtered(z.dim(1), book.dim(0)))
    work = ctx.empty({kernels::filter_bytes(z.dim(0), z.dim(1), book.dim(0)) / 4 + 1}, DType::kInt32);
  PackedWeight packed(ctx, book);
  ctx.kernels->vq_assign({z.raw(), book.raw(), packed.forms(), halves.raw(), nearest.data<std::int32_t>(), z.dtype(),
                          z.dim(0), z.dim(1), book.dim(0), ctx.pool.get(), work.defined() ? work.raw() : nullptr});
  return nearest;
}

}  // namespace wudao::ops
