// From vectors to their codes' vectors, straight through.
//
//   q_n = e_k, k = nearest code of z_n (vq_assign);   dz = dq + 2 commitment (z - q)
//
// Shapes: z (..., C), book (M, C), both float32 or float64; q of z's shape and of type `out`, dq like q. dq passes as if q
// were z. `commitment` multiplies the gradient of sum (stop(q) - z)^2, so it holds the mean's divisor as well. The book
// gets no gradient: it follows by averages.
// Source: van den Oord, Vinyals, Kavukcuoglu 2017, eq. 3; Bengio et al. 2013.
#pragma once

#include <memory>
#include <vector>

#include "wudao/ops/op.h"

namespace wudao::ops {

// What quantizing a micro-batch left behind.
struct Assignment {
  Tensor codes, z;               // (N,) int32; (N, C)
  std::vector<double> distance;  // sum of (q - z)^2 of each shard
};

struct VqQuantize {
  static constexpr std::string_view name = "vq_quantize";
  static constexpr std::size_t arity = 1;  // z
  struct Params {
    Tensor book;
    double commitment = 0.0;
    DType out = DType::kFloat32;
    std::shared_ptr<Assignment> found;  // null: nobody wants to know
  };
  struct Saved {
    Shape shape;
    Tensor dz;  // of the commitment; undefined where there is none
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
