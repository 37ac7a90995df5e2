#include "wudao/ops/gumbel_quantize.h"

#include <cmath>

#include "wudao/kernels/gumbel.h"
#include "wudao/ops/add.h"
#include "wudao/ops/matmul.h"

namespace wudao::ops {
namespace {

constexpr std::uint32_t kStream = 0x60000002;

template <class T>
void squares_of(const Tensor& book, T* squares) {
  for (std::int64_t k = 0; k < book.dim(0); ++k) {
    double sum = 0;  // rounded once
    for (std::int64_t c = 0; c < book.dim(1); ++c) {
      const double e = static_cast<double>(book.data<T>()[k * book.dim(1) + c]);
      sum += e * e;
    }
    squares[k] = static_cast<T>(sum);
  }
}

Tensor squares_of(Context& ctx, const Tensor& book) {
  const Tensor squares = ctx.empty({book.dim(0)}, book.dtype());
  if (book.dtype() == DType::kFloat64) {
    squares_of(book, squares.data<double>());
  } else {
    squares_of(book, squares.data<float>());
  }
  return squares;
}

void check(const Tensor& z, const GumbelQuantize::Params& params) {
  constexpr std::string_view kName = GumbelQuantize::name;
  check_defined(kName, "z", z);
  check_matrix(kName, "book", params.book);
  if (z.rank() < 2 || z.dim(-1) == 0) fail<ShapeError>(kName, "z", "(..., channels)", to_text(z.shape()));
  if (z.dtype() != DType::kFloat32 && z.dtype() != DType::kFloat64)
    fail<DTypeError>(kName, "z", "float32 or float64", name_of(z.dtype()));
  check_dtype(kName, "book", params.book, z.dtype());
  if (params.book.dim(0) == 0) fail<ShapeError>(kName, "book", "at least one code", to_text(params.book.shape()));
  check_shape(kName, "book", params.book, {params.book.dim(0), z.dim(-1)});
  if (!(params.tau > 0.0 && std::isfinite(params.tau)))
    fail<ConfigError>(kName, "tau", "a positive number", text(params.tau));
  check_out(kName, z, params.out);
}

kernels::GumbelMixture arguments(Context& ctx, const GumbelQuantize::Params& params,
                                 const GumbelQuantize::Saved& saved) {
  const std::int64_t rows = saved.products.dim(0);
  return {saved.products.raw(), saved.squares.raw(), saved.mixture.raw(), nullptr, nullptr, saved.products.dtype(),
          params.tau, params.weight, params.noise, {ctx.seed, ctx.step, kStream}, ctx.first_shard * (rows / ctx.shards),
          rows, saved.products.dim(1), ctx.pool.get()};
}

}  // namespace

Tensor GumbelQuantize::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& z = inputs[0];
  check(z, params);
  const Tensor rows = z.reshape({z.size() / z.dim(-1), z.dim(-1)});
  check_shards(name, ctx, rows.dim(0));
  const Tensor products = matmul(ctx, rows, params.book, false, true);
  const Saved kept = {products, squares_of(ctx, params.book), ctx.empty(products.shape(), z.dtype()), z.shape()};
  const Tensor divergence = ctx.empty({rows.dim(0)}, DType::kFloat64);
  kernels::GumbelMixture p = arguments(ctx, params, kept);
  p.divergence = divergence.data<double>();
  ctx.kernels->gumbel_forward(p);
  if (params.found != nullptr) {
    *params.found = {rows, std::vector<double>(static_cast<std::size_t>(ctx.shards))};
    const std::int64_t each = rows.dim(0) / ctx.shards;
    for (std::int64_t n = 0; n < rows.dim(0); ++n)
      params.found->kl[static_cast<std::size_t>(n / each)] += divergence.data<double>()[n];
  }
  if (saved != nullptr) *saved = kept;
  return convert(ctx, matmul(ctx, kept.mixture, params.book).reshape(z.shape()), params.out);
}

Tensors<1> GumbelQuantize::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                    const Flags<1>&) {
  check_shape(name, "dy", dy, saved.shape);
  const Tensor dq = convert(ctx, dy, params.book.dtype()).reshape({saved.products.dim(0), params.book.dim(1)});
  const Tensor slope = matmul(ctx, dq, params.book, false, true);
  kernels::GumbelMixture p = arguments(ctx, params, saved);
  p.slope = slope.raw();
  ctx.kernels->gumbel_backward(p);
  return {matmul(ctx, slope, params.book).reshape(saved.shape)};
}

}  // namespace wudao::ops
