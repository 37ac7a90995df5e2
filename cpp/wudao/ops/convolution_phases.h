// The adjoint of a convolution in its map, cut by phase: pixels of the result that are a stride apart are reached by
// the same pixels of the kernel, so they are a convolution of stride 1 with that part of it. Nothing is added up in
// memory.
//
//   pixel s a + phase of the result gets w[ky] x[(s a + phase + p - ky) / s], for every ky that makes this whole
//
// Source: Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?".
#pragma once

#include <vector>

#include "wudao/kernels/windows.h"
#include "wudao/ops/convolution.h"

namespace wudao::ops {

struct Phase {
  kernels::Windows windows;           // of the map that is given
  kernels::Pixels pixels;             // of the result
  std::int64_t line = 0, column = 0;  // of the kernel's last pixel in this phase, which comes first
};

// The phases that have a pixel in a result of shape `result`.
std::vector<Phase> phases_of(const ConvolutionParams& params, const Shape& given, const Shape& result);

// A phase's t pixels of a kernel, in the order of its windows. Of conv2d's weight (O, k k C): (t O, C), which a linear
// layer's backward multiplies by; of conv_transpose2d's (k k O, C): (O, t C), for its forward.
Tensor weight_of_phase(Context& ctx, const ConvolutionParams& params, const Phase& phase, const Tensor& weight,
                       bool transposed);

}  // namespace wudao::ops
