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

// Row `row` of all that was seen.
template <class T>
const T* row_of(const std::vector<Tensor>& seen, std::int64_t row) {
  for (const Tensor& part : seen) {
    if (row < part.dim(0)) return part.data<T>() + row * part.dim(1);
    row -= part.dim(0);
  }
  return nullptr;
}

template <class T>
std::int64_t replace(const Averages<T>& a, const std::vector<Tensor>& seen, double least, double size,
                     const philox::Key& key) {
  std::int64_t rows = 0, replaced = 0;
  for (const Tensor& part : seen) rows += part.dim(0);
  for (std::int64_t k = 0; k < a.codes && rows > 0; ++k) {
    if (!(a.sizes[k] < least)) continue;
    const double draw = philox::uniform_at(key, static_cast<std::uint64_t>(k));
    const T* const z = row_of<T>(seen, std::min(rows - 1, static_cast<std::int64_t>(draw * static_cast<double>(rows))));
    for (std::int64_t c = 0; c < a.width; ++c) {
      a.values[k * a.width + c] = z[c];
      a.sums[k * a.width + c] = static_cast<T>(z[c] * size);
    }
    a.sizes[k] = static_cast<T>(size);
    ++replaced;
  }
  return replaced;
}

}  // namespace

Codebook::Codebook(Context& ctx, const TokenizerConfig& config, DType dtype, std::uint64_t seed)
    : decay_(config.decay),
      epsilon_(config.epsilon),
      values_(ctx.empty({config.codes, config.code_width}, dtype)),
      sizes_(ctx.empty({config.codes}, dtype)),
      sums_(ctx.empty({config.codes, config.code_width}, dtype)),
      counts_(static_cast<std::size_t>(config.codes)) {
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

void Codebook::begin_batch() {
  std::fill(counts_.begin(), counts_.end(), 0);
  assigned_.clear();
  seen_.clear();
}

void Codebook::see(Context& ctx, const Tensor& codes, const Tensor& z) {
  for (std::int64_t i = 0; i < codes.size(); ++i) ++counts_[static_cast<std::size_t>(codes.data<std::int32_t>()[i])];
  auto sums = ops::Embedding::backward(ctx, {codes}, {codes, values_.shape()}, z, {true});
  assigned_.add(ctx, std::move(sums[0]), ctx.first_shard, ctx.shards);
  seen_.push_back(z);
}

void Codebook::update(Context& ctx) {
  if (assigned_.empty()) return;
  const Tensor assigned = assigned_.take(ctx);
  if (values_.dtype() == DType::kFloat64) {
    move(averages_of<double>(values_, sizes_, sums_), counts_, assigned.data<double>(), decay_, epsilon_);
  } else {
    move(averages_of<float>(values_, sizes_, sums_), counts_, assigned.data<float>(), decay_, epsilon_);
  }
  touch();
}

std::int64_t Codebook::revive(double least, double size, std::uint64_t seed, std::uint32_t step) {
  const philox::Key key{seed, step, kReviveStream};
  touch();
  if (values_.dtype() == DType::kFloat64) {
    return replace(averages_of<double>(values_, sizes_, sums_), seen_, least, size, key);
  }
  return replace(averages_of<float>(values_, sizes_, sums_), seen_, least, size, key);
}

}  // namespace wudao::vq
