// Convolution layers of maps (B, H, W, C): weights and biases begin uniform in +-1 / sqrt(fan in), as PyTorch's do.
#pragma once

#include "wudao/nn/layers.h"
#include "wudao/ops/convolution.h"

namespace wudao::nn {

// Where a convolution looks: kernel x kernel pixels.
struct Window {
  std::int64_t kernel, stride, padding;
};

class Conv2d {
 public:
  Conv2d(ParameterList& list, const std::string& name, std::int64_t in, std::int64_t out, Window window);
  // compute -> out. `rectify`: of max(x, 0).
  Var operator()(const Pass& pass, const Var& x, DType out, bool rectify = false) const;

 private:
  Window window_;
  ParameterPtr weight_, bias_;  // (out, k k in), (out,)
};

class ConvTranspose2d {
 public:
  ConvTranspose2d(ParameterList& list, const std::string& name, std::int64_t in, std::int64_t out, Window window);
  Var operator()(const Pass& pass, const Var& x, DType out, bool rectify = false) const;

 private:
  Window window_;
  ParameterPtr weight_, bias_;  // (k k out, in), (out,)
};

}  // namespace wudao::nn
