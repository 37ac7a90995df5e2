// Runs new tokens of many texts through the model, each text with its own cache and its own length.
//
// The rows of all texts go through the layers as one matrix; attention runs text by text over the text's own keys. A row
// meets the same kernels and the same blocks of keys as in the full forward, so its bits do not depend on what else is in
// the batch, nor on how the text was cut into feeds.
#pragma once

#include <span>

#include "wudao/infer/feed.h"
#include "wudao/infer/head.h"

namespace wudao::infer {

class Decoder {
 public:
  // At most `chunk_rows` rows are in the wide inner layers at a time; the result does not depend on it.
  explicit Decoder(const Context& ctx, const model::GLM& glm, std::int64_t chunk_rows = 1024);

  // Logits are made for these ids alone from now on.
  void predict(const Ids& ids) { head_.limit(ids); }
  const Ids& predicted() const { return head_.ids(); }

  // Appends the tokens to their caches. Logits (rows wanted, ids predicted) in the accumulator type; undefined for
  // Rows::kNone.
  Tensor run(std::span<const Feed> feeds, Rows wanted);

  Context& context() { return ctx_; }
  const model::GLM& glm() const { return glm_; }

 private:
  Context ctx_;
  const model::GLM& glm_;
  std::int64_t chunk_rows_;
  Head head_;  // the whole vocabulary at first
};

}  // namespace wudao::infer
