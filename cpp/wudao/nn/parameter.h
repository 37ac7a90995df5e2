// A trainable array: its master values, and the trees in which its gradient grows.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "wudao/autograd/gradient.h"
#include "wudao/ops/quantized.h"

namespace wudao::nn {

class Parameter : public GradientSink {
 public:
  Parameter(std::string name, Tensor value, bool decay)
      : name_(std::move(name)), value_(std::move(value)), decay_(decay) {}

  const std::string& name() const { return name_; }
  const Tensor& value() const { return value_; }               // float32, or float64 for float64 models
  void set_value(Tensor value) { value_ = std::move(value); }  // of the same shape and type
  // Takes codes and scales in place of the values, which are given up: there is no way back, and no training.
  void quantize(ops::Quantized weight);
  const ops::Quantized* quantized() const { return quantized_ ? &*quantized_ : nullptr; }
  bool decay() const { return decay_; }  // whether weight decay applies: matrices yes, biases and norms no

  void add(Context& ctx, Tensor gradient, int use) override;
  // The part of the gradient (of its first use) that comes from `count` shards from `first` on. The parameter is one of
  // experts, each of which has a row.
  void add_node(Context& ctx, Tensor gradient, int first, int count);
  // The gradient of the global batch: the sum of the uses, in their order. Zeros if the batch never reached it.
  Tensor take_gradient(Context& ctx);
  // What there is of it from the shards of this process alone, which need not be the first.
  Tensor take_own(Context& ctx);
  // How many uses of it a model has, and the parts of the gradient of one of them.
  int uses() const { return uses_; }
  void set_uses(int uses) { uses_ = uses; }
  std::vector<GradientTree::Node> take_nodes(int use) { return trees_.at(static_cast<std::size_t>(use)).take_nodes(); }
  void clear_gradient();

 private:
  static constexpr int kMaxUses = 2;  // a tied table is used as embedding (0) and as output projection (1)
  std::string name_;
  Tensor value_;
  bool decay_;
  int uses_ = 1;
  std::optional<ops::Quantized> quantized_;
  std::array<GradientTree, kMaxUses> trees_;
};

}  // namespace wudao::nn
