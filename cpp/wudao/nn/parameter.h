// A trainable array: its master values, and the trees in which its gradient grows.
#pragma once

#include <array>
#include <string>

#include "wudao/autograd/gradient.h"

namespace wudao::nn {

class Parameter : public GradientSink {
 public:
  Parameter(std::string name, Tensor value, bool decay) : name_(std::move(name)), value_(std::move(value)), decay_(decay) {}

  const std::string& name() const { return name_; }
  const Tensor& value() const { return value_; }  // float32, or float64 for float64 models
  void set_value(Tensor value) { value_ = std::move(value); }  // of the same shape and type
  bool decay() const { return decay_; }           // whether weight decay applies: matrices yes, biases and norms no

  void add(Context& ctx, Tensor gradient, int use) override;
  // The gradient of the global batch: the sum of the uses, in their order. Zeros if the batch never reached it.
  Tensor take_gradient(Context& ctx);
  void clear_gradient();

 private:
  static constexpr int kMaxUses = 2;  // a tied table is used as embedding (0) and as output projection (1)
  std::string name_;
  Tensor value_;
  bool decay_;
  std::array<GradientTree, kMaxUses> trees_;
};

}  // namespace wudao::nn
