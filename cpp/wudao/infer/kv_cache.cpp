#include "wudao/infer/kv_cache.h"

#include <cstring>
#include <string>

#include "wudao/base/error.h"
#include "wudao/kernels/table.h"

namespace wudao::infer {

using kernels::kCacheTokens;

KvCache::KvCache(const model::GLM& glm, CacheForm form)
    : layers_(glm.config().num_layers),
      width_(glm.config().hidden_size),
      heads_(glm.config().num_heads),
      dtype_(glm.compute()),
      stored_(form == CacheForm::kInt8 ? DType::kUInt8 : glm.compute()) {
  if (form == CacheForm::kFloat) return;
  if (dtype_ == DType::kFloat64)
    fail<ConfigError>("kv_cache", "int8", "a model that computes in float32 or bfloat16", "one in float64",
                      "Leave out int8.");
  if (head_dim() % kernels::kCacheUnit != 0)
    fail<ConfigError>("kv_cache", "int8", "heads of a multiple of 4 elements", "heads of " + std::to_string(head_dim()),
                      "Leave out int8.");
}

bool KvCache::fits(const model::GLM& glm) const {
  const model::GLMConfig& config = glm.config();
  return layers_ == config.num_layers && width_ == config.hidden_size && heads_ == config.num_heads &&
         dtype_ == glm.compute();
}

void KvCache::keep(Tensor block) {
  addresses_.push_back(static_cast<std::byte*>(block.raw()));
  blocks_.push_back(std::move(block));
}

void KvCache::reserve(const Context& ctx, std::int64_t length) {
  while (static_cast<std::int64_t>(blocks_.size()) * kCacheTokens < length)
    keep(ctx.zeros({layers_ * layer_bytes()}, DType::kUInt8));
}

KvCache KvCache::fork(const Context& ctx) const {
  KvCache copy = *this;
  const auto full = static_cast<std::size_t>(length_ / kCacheTokens);
  copy.blocks_.resize(full);
  copy.addresses_.resize(full);
  if (length_ % kCacheTokens == 0) return copy;
  Tensor last = ctx.empty({layers_ * layer_bytes()}, DType::kUInt8);
  std::memcpy(last.raw(), blocks_[full].raw(), last.bytes());
  copy.keep(std::move(last));
  return copy;
}

kernels::CachedLayer KvCache::layer(std::int64_t layer) const {
  return {addresses_.data(), layer * layer_bytes(), stored_};
}

void KvCache::store(const Context& ctx, std::int64_t layer, std::int64_t first, std::int64_t count, const Tensor& qkv,
                    std::int64_t row) const {
  const std::byte* const rows = static_cast<const std::byte*>(qkv.raw());
  const auto at = [&](std::int64_t part) { return rows + kernels::cache_bytes_of((3 * row + part) * width_, dtype_); };
  ctx.kernels->cache_store(
      {at(1), at(2), dtype_, this->layer(layer), 3 * width_, heads_, head_dim(), first, count, ctx.pool.get()});
}

}  // namespace wudao::infer
