#include "wudao/vq/codebook.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "wudao/base/philox.h"
#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/table.h"
#include "wudao/ops/embedding.h"

namespace wudao::vq {
namespace {

constexpr std::uint32_t kInitStream = 0x60000000, kReviveStream = 0x60000001;

template <class T>
struct Averages {
  T *values, *sizes, *sums;
  std::int64_t codes, width;

  // S_k / N'_k of one code; `total` is the sum of all N_k.
  void renew(std::int64_t k, double total, double epsilon) const {
    const double smoothed = (sizes[k] + epsilon) / (total + static_cast<double>(codes) * epsilon) * total;
    for (std::int64_t c = k * width; c < (k + 1) * width; ++c) values[c] = static_cast<T>(sums[c] / smoothed);
  }
  double total() const { return std::accumulate(sizes, sizes + codes, 0.0); }
};

template <class T>
Averages<T> averages_of(const Tensor& values, const Tensor& sizes, const Tensor& sums) {
  return {values.data<T>(), sizes.data<T>(), sums.data<T>(), values.dim(0), values.dim(1)};
}

template <class T>
void move(const Averages<T>& a, const std::vector<std::int64_t>& counts, const T* assigned, double decay,
          double epsilon) {
  for (std::int64_t k = 0; k < a.codes; ++k) {
    const auto count = static_cast<double>(counts[static_cast<std::size_t>(k)]);
    a.sizes[k] = static_cast<T>(decay * a.sizes[k] + (1 - decay) * count);
  }
  for (std::int64_t i = 0; i < a.codes * a.width; ++i) {
    a.sums[i] = static_cast<T>(decay * a.sums[i] + (1 - decay) * assigned[i]);
  }
  const double total = a.total();
  for (std::int64_t k = 0; k < a.codes; ++k) a.renew(k, total, epsilon);
}

template <class T>
void put(const Averages<T>& a, const std::vector<std::int64_t>& codes, const T* z, double size) {
  for (const std::int64_t k : codes) {
    for (std::int64_t c = 0; c < a.width; ++c, ++z) {
      a.values[k * a.width + c] = *z;
      a.sums[k * a.width + c] = static_cast<T>(*z * size);
    }
    a.sizes[k] = static_cast<T>(size);
  }
}

template <class T>
std::vector<std::int64_t> below(const Tensor& sizes, double least) {
  std::vector<std::int64_t> found;
  for (std::int64_t k = 0; k < sizes.size(); ++k) {
    if (sizes.data<T>()[k] < least) found.push_back(k);
  }
  return found;
}

}  // namespace

Codebook::Codebook(Context& ctx, const TokenizerConfig& config, DType dtype, std::uint64_t seed)
    : decay_(config.decay),
      epsilon_(config.epsilon),
      values_(ctx.empty({config.codes, config.code_width}, dtype)),
      sizes_(ctx.empty({config.codes}, dtype)),
      sums_(ctx.empty({config.codes, config.code_width}, dtype)) {
  ctx.kernels->fill_normal({values_.raw(), dtype, values_.size(), 1.0, {seed, 0, kInitStream}, ctx.pool.get()});
  std::memcpy(sums_.raw(), values_.raw(), values_.bytes());
  if (dtype == DType::kFloat64) {
    std::fill_n(sizes_.data<double>(), sizes_.size(), 1.0);
  } else {
    std::fill_n(sizes_.data<float>(), sizes_.size(), 1.0f);
  }
}

Tensor Codebook::look_up(Context& ctx, const Tensor& codes) const {
  return ops::Embedding::forward(ctx, {codes}, {values_}, nullptr);
}

void Codebook::update(Context& ctx, Assigned& assigned) {
  if (assigned.sums().empty()) return;
  const Tensor sums = assigned.sums().take(ctx);
  if (values_.dtype() == DType::kFloat64) {
    move(averages_of<double>(values_, sizes_, sums_), assigned.counts(), sums.data<double>(), decay_, epsilon_);
  } else {
    move(averages_of<float>(values_, sizes_, sums_), assigned.counts(), sums.data<float>(), decay_, epsilon_);
  }
  touch();
}

std::vector<std::int64_t> Codebook::rarely_used(double least) const {
  return sizes_.dtype() == DType::kFloat64 ? below<double>(sizes_, least) : below<float>(sizes_, least);
}

std::vector<std::int64_t> Codebook::drawn(const std::vector<std::int64_t>& codes, std::int64_t rows,
                                          std::uint64_t seed, std::uint32_t step) {
  const philox::Key key{seed, step, kReviveStream};
  std::vector<std::int64_t> found;
  for (const std::int64_t k : codes) {
    const double draw = philox::uniform_at(key, static_cast<std::uint64_t>(k));
    found.push_back(std::min(rows - 1, static_cast<std::int64_t>(draw * static_cast<double>(rows))));
  }
  return found;
}

void Codebook::place(const std::vector<std::int64_t>& codes, const Tensor& z, double size) {
  if (values_.dtype() == DType::kFloat64) {
    put(averages_of<double>(values_, sizes_, sums_), codes, z.data<double>(), size);
  } else {
    put(averages_of<float>(values_, sizes_, sums_), codes, z.data<float>(), size);
  }
  touch();
}

}  // namespace wudao::vq
