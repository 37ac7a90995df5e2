// The rows of the word table that logits are made of: all of them, or those of some ids where nothing else can follow.
#pragma once

#include "wudao/kernels/products.h"
#include "wudao/kernels/quantized.h"
#include "wudao/model/glm.h"
#include "wudao/tensor/packed.h"

namespace wudao::infer {

// Ids first .. end - 1.
struct Ids {
  std::int64_t first = 0, end = 0;
  std::int64_t count() const { return end - first; }
};

class Head {
 public:
  // The ids are those of the vocabulary, its padding too, until `limit` says otherwise.
  explicit Head(const model::GLM& glm) : ids_{0, glm.config().vocab_size} {}
  void limit(const Ids& ids);

  const Ids& ids() const { return ids_; }
  // Makes a product with the whole table one with these rows; `some` is where their quantized form is described.
  void narrow(kernels::LinearForward& p, kernels::QuantizedWeight& some) const;

 private:
  Ids ids_;
  mutable PackedForms packed_;  // of these rows, where they are not all
};

}  // namespace wudao::infer
