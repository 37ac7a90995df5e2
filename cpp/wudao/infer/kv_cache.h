// Keys and values of one text, layer by layer, so that later tokens need not run the earlier ones again.
//
// A prompt that several samples share is run once and forked for each: a copy of its rows, never a second pass.
#pragma once

#include "wudao/kernels/attention.h"
#include "wudao/model/glm.h"

namespace wudao::infer {

class KvCache {
 public:
  KvCache() = default;
  explicit KvCache(const model::GLM& glm)
      : layers_(glm.config().num_layers), width_(glm.config().hidden_size), heads_(glm.config().num_heads),
        dtype_(glm.compute()) {}

  std::int64_t length() const { return length_; }
  bool fits(const model::GLM& glm) const;  // whether it was made for a model of this shape

  // Makes room for `length` tokens in all; what is there stays.
  void reserve(const Context& ctx, std::int64_t length);
  // The same tokens in memory of their own.
  KvCache fork(const Context& ctx) const;

  // Key and value of one layer, of all tokens that there is room for.
  kernels::Strided keys(std::int64_t layer) const { return part(2 * layer); }
  kernels::Strided values(std::int64_t layer) const { return part(2 * layer + 1); }
  // Writes `count` tokens of one layer from token `first` on; `qkv` holds rows [q | k | v], the first at row `row`.
  void store(std::int64_t layer, std::int64_t first, std::int64_t count, const Tensor& qkv, std::int64_t row);
  // Counts tokens as present once every layer has stored them.
  void extend(std::int64_t count) { length_ += count; }

 private:
  kernels::Strided part(std::int64_t index) const;
  void move_to(const Context& ctx, std::int64_t capacity);
  std::int64_t layers_ = 0, width_ = 0, heads_ = 0, length_ = 0, capacity_ = 0;
  DType dtype_ = DType::kFloat32;
  Tensor data_;  // (2 layers, capacity, width): keys of layer 0, values of layer 0, ...
};

}  // namespace wudao::infer
