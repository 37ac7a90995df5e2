// From vectors to mixtures of the codes of a book, by Gumbel-softmax.
//
//   s_nk = -|z_n - e_k|^2;   y_n = softmax over k of (s_nk + g_nk) / tau;   q_n = sum over k of y_nk e_k
//   kl_n = sum over k of p_nk log(M p_nk), p_n = softmax(s_n): from the uniform, 0 to log M
//   dz_n = 2 sum over k of ds_nk e_k,  ds = y (dy - sum of y dy) / tau + weight p (log(M p) - kl),  dy_nk = dq_n . e_k
//
// g_nk, drawn by (seed, step, row of the global batch, k), is standard Gumbel noise, or 0. The smaller tau, the nearer is
// q to one code: without noise to the nearest. The book gets no gradient: it follows by averages.
// Shapes: z (..., C), book (M, C), both float32 or float64; q of z's shape and of type `out`. Memory grows with N M.
// Source: Jang, Gu, Poole 2017, eq. 2; Maddison, Mnih, Teh 2017; the distance as logits: Ding et al. 2021 (CogView).
#pragma once

#include <memory>
#include <vector>

#include "wudao/ops/op.h"

namespace wudao::ops {

// What mixing a micro-batch left behind.
struct Mixed {
  Tensor z;                // (N, C)
  std::vector<double> kl;  // sum over the rows of each shard
};

struct GumbelQuantize {
  static constexpr std::string_view name = "gumbel_quantize";
  static constexpr std::size_t arity = 1;  // z
  struct Params {
    Tensor book;
    double tau = 1.0;
    double weight = 0.0;  // of the gradient of the sum of kl_n, so it holds the mean's divisor as well
    bool noise = true;    // keyed by the context's seed and step
    DType out = DType::kFloat32;
    std::shared_ptr<Mixed> found;  // null: nobody wants to know
  };
  struct Saved {
    Tensor products, squares, mixture;
    Shape shape;
  };
  static Tensor forward(Context& ctx, const Params& params, const Tensors<1>& inputs, Saved* saved);
  static Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                             const Flags<1>& needs);
};

}  // namespace wudao::ops
