// Layers of a picture model one after the other, named by their place as those of a PyTorch Sequential.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "wudao/nn/convolution.h"
#include "wudao/vq/config.h"

namespace wudao::vq {

class Stack {
 public:
  // `list` is used while layers are added.
  Stack(nn::ParameterList& list, std::string name) : list_(&list), name_(std::move(name)) {}

  Stack& conv(std::int64_t in, std::int64_t out, nn::Window window);
  Stack& conv_transpose(std::int64_t in, std::int64_t out, nn::Window window);
  // Rectifies what the next convolution takes.
  Stack& relu();
  // x + conv1x1(relu(conv3x3(relu(x)))): the skip carries x itself. CogView's code rectifies in place and so adds relu(x).
  Stack& residual(std::int64_t channels, std::int64_t inner);

  // compute -> `out`, which is that of the last layer; the maps between are in the compute type.
  Var operator()(const nn::Pass& pass, Var x, DType out) const;

 private:
  using Layer = std::function<Var(const nn::Pass&, const Var&, DType out)>;
  std::string place(const char* inner = "") const;
  void add(Layer layer);
  nn::ParameterList* list_;
  std::string name_;
  std::vector<Layer> layers_;
  bool rectify_ = false;
  std::size_t places_ = 0;  // taken, those of ReLUs too, which PyTorch counts
};

Stack encoder_of(nn::ParameterList& list, const std::string& name, const TokenizerConfig& config);
Stack decoder_of(nn::ParameterList& list, const std::string& name, const TokenizerConfig& config);

}  // namespace wudao::vq
