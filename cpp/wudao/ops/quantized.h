// A weight of few bits in place of a float one; see kernels/quantized.h for what codes and scales mean.
#pragma once

#include "wudao/kernels/quantized.h"
#include "wudao/tensor/tensor.h"

namespace wudao::ops {

struct Quantized {
  Tensor codes;   // uint8 bits of the codes: (out, in) or, with 4 bits, (out, in / 2)
  Tensor scales;  // (out, in / group) float32
  int bits = 8;
  int activation_bits = 16;

  kernels::QuantizedWeight view() const {
    return {codes.raw(), scales.data<float>(), &codes.storage().packed(), bits, activation_bits};
  }
};

}  // namespace wudao::ops
