#include "wudao/ops/fsq.h"

#include <cmath>

#include "wudao/kernels/fsq.h"
#include "wudao/ops/add.h"

namespace wudao::ops {
namespace {

constexpr std::int64_t kMostCodes = std::int64_t{1} << 24;

kernels::FsqChannel channel(std::int64_t levels, std::int64_t basis) {
  const auto l = static_cast<double>(levels);
  const double h = (l - 1.0) * (1.0 - 1e-3) / 2.0, offset = levels % 2 == 0 ? 0.5 : 0.0;
  return {h, std::tan(offset / h), offset, std::floor(l / 2.0), levels, basis};
}

std::vector<kernels::FsqChannel> channels_of(std::string_view op, const Levels& levels) {
  std::vector<kernels::FsqChannel> channels;
  std::int64_t codes = 1;
  for (const std::int64_t l : levels) {
    if (l < 2 || l > kMostCodes)
      fail<ConfigError>(op, "levels", text("from 2 to ", kMostCodes, " of a channel"), text(l));
    channels.push_back(channel(l, codes));
    codes *= l;
    if (codes > kMostCodes) fail<ConfigError>(op, "levels", text("a product of at most ", kMostCodes), "more");
  }
  return channels;
}

void check_vectors(std::string_view op, std::string_view argument, const Tensor& z, const Levels& levels) {
  check_defined(op, argument, z);
  if (z.dtype() != DType::kFloat32 && z.dtype() != DType::kFloat64)
    fail<DTypeError>(op, argument, "float32 or float64", name_of(z.dtype()));
  if (levels.empty() || z.rank() < 2 || z.dim(-1) != static_cast<std::int64_t>(levels.size()))
    fail<ShapeError>(op, argument, text("(..., ", levels.size(), "), a channel for each of the levels"),
                     to_text(z.shape()));
}

Tensor run(Context& ctx, void (*kernel)(const kernels::Fsq&), const Levels& levels, const Tensor& z, const Tensor& dq) {
  const std::vector<kernels::FsqChannel> channels = channels_of(Fsq::name, levels);
  Tensor y = ctx.empty(z.shape(), z.dtype());
  kernel({z.raw(), dq.defined() ? dq.raw() : nullptr, y.raw(), z.dtype(), channels.data(), z.size() / z.dim(-1),
          z.dim(-1), ctx.pool.get()});
  return y;
}

}  // namespace

Tensor Fsq::forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved) {
  const Tensor& z = inputs[0];
  check_vectors(name, "z", z, params.levels);
  check_out(name, z, params.out);
  if (saved != nullptr) *saved = {z};
  return convert(ctx, run(ctx, ctx.kernels->fsq_forward, params.levels, z, {}), params.out);
}

Tensors<1> Fsq::backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy, const Flags<1>&) {
  check_shape(name, "dy", dy, saved.z.shape());
  return {run(ctx, ctx.kernels->fsq_backward, params.levels, saved.z, convert(ctx, dy, saved.z.dtype()))};
}

Tensor fsq_codes(Context& ctx, const Tensor& q, const Levels& levels) {
  check_matrix("fsq_codes", "q", q);
  check_vectors("fsq_codes", "q", q, levels);
  const std::vector<kernels::FsqChannel> channels = channels_of("fsq_codes", levels);
  Tensor codes = ctx.empty({q.dim(0)}, DType::kInt32);
  ctx.kernels->fsq_codes({q.raw(), codes.data<std::int32_t>(), q.dtype(), channels.data(), q.dim(0), q.dim(1),
                          ctx.pool.get()});
  return codes;
}

Tensor fsq_vectors(Context& ctx, const Tensor& codes, const Levels& levels, DType dtype) {
  const std::vector<kernels::FsqChannel> channels = channels_of("fsq_vectors", levels);
  if (channels.empty()) fail<ConfigError>("fsq_vectors", "levels", "at least one", "none");
  check_ids("fsq_vectors", "codes", codes, channels.back().basis * channels.back().levels);
  Tensor q = ctx.empty({codes.size(), static_cast<std::int64_t>(levels.size())}, dtype);
  ctx.kernels->fsq_vectors({q.raw(), codes.data<std::int32_t>(), dtype, channels.data(), codes.size(), q.dim(1),
                            ctx.pool.get()});
  return q;
}

}  // namespace wudao::ops
