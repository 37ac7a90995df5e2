#include "wudao/vq/assigned.h"

#include <algorithm>
#include <numeric>

#include "wudao/ops/embedding.h"

namespace wudao::vq {

void Assigned::begin_batch() {
  std::fill(counts_.begin(), counts_.end(), 0);
  sums_.clear();
  seen_.clear();
}

void Assigned::see(Context& ctx, const Tensor& codes, const Tensor& z) {
  for (std::int64_t i = 0; i < codes.size(); ++i) ++counts_[static_cast<std::size_t>(codes.data<std::int32_t>()[i])];
  if (!z.defined()) return;
  const Shape book = {static_cast<std::int64_t>(counts_.size()), z.dim(1)};
  auto sums = ops::Embedding::backward(ctx, {codes}, {codes, book}, z, {true});
  sums_.add(ctx, std::move(sums[0]), ctx.first_shard, ctx.shards);
  seen_.push_back({ctx.first_shard * (z.dim(0) / ctx.shards), z});
}

std::int64_t Assigned::rows() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

const Tensor* Assigned::seen_with(std::int64_t row, std::int64_t& inside) const {
  for (const Seen& part : seen_) {
    inside = row - part.first;
    if (inside >= 0 && inside < part.z.dim(0)) return &part.z;
  }
  return nullptr;
}

}  // namespace wudao::vq
