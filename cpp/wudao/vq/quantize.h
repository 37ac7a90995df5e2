// From vectors to their codes' vectors, straight through.
//
//   q_n = e_k, k = nearest code of z_n;   dz = dq + commitment 2 (z - q)
//
// z, q: maps (B, H, W, C); z of the accumulator type, q of type `out`. dq passes as if q were z. `commitment` multiplies the
// gradient of sum (stop(q) - z)^2, so it holds the mean's divisor as well.
// Source: van den Oord, Vinyals, Kavukcuoglu 2017, eq. 3; Bengio et al. 2013.
#pragma once

#include <memory>
#include <vector>

#include "wudao/ops/op.h"
#include "wudao/vq/codebook.h"

namespace wudao::vq {

// What quantizing a micro-batch left behind.
struct Quantized {
  Tensor codes, z;               // (N,) int32; (N, C)
  std::vector<double> distance;  // sum of (q - z)^2 of each shard
};

struct Quantize {
  static constexpr std::string_view name = "quantize";
  static constexpr std::size_t arity = 1;  // z
  struct Params {
    const Codebook* book;
    double commitment = 0.0;
    DType out = DType::kFloat32;
    std::shared_ptr<Quantized> found;
  };
  struct Saved {
    Tensor dz;  // of the commitment; undefined where there is none
  };
  static Tensor forward(Context& ctx, const Params& params, const ops::Tensors<1>& inputs, Saved* saved);
  static ops::Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                  const ops::Flags<1>& needs);
};

}  // namespace wudao::vq
