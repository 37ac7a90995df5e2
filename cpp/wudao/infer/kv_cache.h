// Keys and values of one text, layer by layer, so that later tokens need not run the earlier ones again.
//
// They lie in blocks of tokens that never move. A prompt that several samples share is run once and forked for each:
// the copies share its full blocks, and only the last one, which is still being written, is copied.
#pragma once

#include "wudao/kernels/cache.h"
#include "wudao/model/glm.h"

namespace wudao::infer {

// What keys and values are kept as: in the type the model computes in, or as 8-bit codes with a scale per token and
// head.
enum class CacheForm { kFloat, kInt8 };

class KvCache {
 public:
  KvCache() = default;
  // `form`: codes need heads of a multiple of four elements, and a model that does not compute in float64.
  explicit KvCache(const model::GLM& glm, CacheForm form = CacheForm::kFloat);

  std::int64_t length() const { return length_; }
  bool fits(const model::GLM& glm) const;  // whether it was made for a model of this shape

  // Makes room for `length` tokens in all.
  void reserve(const Context& ctx, std::int64_t length);
  // The same tokens, to go on from separately.
  KvCache fork(const Context& ctx) const;

  kernels::CachedLayer layer(std::int64_t layer) const;
  // Writes `count` tokens of one layer from token `first` on; `qkv` holds rows [q | k | v], the first at row `row`.
  void store(const Context& ctx, std::int64_t layer, std::int64_t first, std::int64_t count, const Tensor& qkv,
             std::int64_t row) const;
  // Counts tokens as present once every layer has stored them.
  void extend(std::int64_t count) { length_ += count; }

 private:
  void keep(Tensor block);
  std::int64_t head_dim() const { return width_ / heads_; }
  std::int64_t layer_bytes() const { return heads_ * kernels::cache_head_bytes(head_dim(), stored_); }
  std::int64_t layers_ = 0, width_ = 0, heads_ = 0, length_ = 0;
  DType dtype_ = DType::kFloat32, stored_ = DType::kFloat32;  // of the model; of what lies in the blocks
  std::vector<Tensor> blocks_;
  std::vector<std::byte*> addresses_;  // of the blocks
};

}  // namespace wudao::infer
