#include "wudao/infer/kv_cache.h"

#include <algorithm>
#include <cstring>

namespace wudao::infer {
namespace {

constexpr std::int64_t kGrain = 64;  // room grows in steps of this many tokens, so that the arena can use blocks again

std::byte* row_of(const Tensor& tensor, std::int64_t row, std::int64_t width, std::int64_t column = 0) {
  return static_cast<std::byte*>(tensor.raw()) + static_cast<std::size_t>(row * width + column) * size_of(tensor.dtype());
}

}  // namespace

bool KvCache::fits(const model::GLM& glm) const {
  const model::GLMConfig& config = glm.config();
  return layers_ == config.num_layers && width_ == config.hidden_size && heads_ == config.num_heads && dtype_ == glm.compute();
}

void KvCache::move_to(const Context& ctx, std::int64_t capacity) {
  Tensor fresh = ctx.empty({2 * layers_, capacity, width_}, dtype_);
  const std::size_t used = static_cast<std::size_t>(length_ * width_) * size_of(dtype_);
  for (std::int64_t i = 0; used > 0 && i < 2 * layers_; ++i) {
    std::memcpy(row_of(fresh, i * capacity, width_), row_of(data_, i * capacity_, width_), used);
  }
  data_ = std::move(fresh);
  capacity_ = capacity;
}

void KvCache::reserve(const Context& ctx, std::int64_t length) {
  if (length <= capacity_) return;
  const std::int64_t wanted = std::max(length, capacity_ + capacity_ / 2);
  move_to(ctx, (wanted + kGrain - 1) / kGrain * kGrain);
}

KvCache KvCache::fork(const Context& ctx) const {
  KvCache copy = *this;
  copy.move_to(ctx, capacity_);
  return copy;
}

kernels::Strided KvCache::part(std::int64_t index) const {
  return {row_of(data_, index * capacity_, width_), 0, width_, width_ / heads_};
}

void KvCache::store(std::int64_t layer, std::int64_t first, std::int64_t count, const Tensor& qkv, std::int64_t row) {
  const std::size_t bytes = static_cast<std::size_t>(width_) * size_of(dtype_);
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t key_row = 2 * layer * capacity_ + first + t;
    std::memcpy(row_of(data_, key_row, width_), row_of(qkv, row + t, 3 * width_, width_), bytes);
    std::memcpy(row_of(data_, key_row + capacity_, width_), row_of(qkv, row + t, 3 * width_, 2 * width_), bytes);
  }
}

}  // namespace wudao::infer
