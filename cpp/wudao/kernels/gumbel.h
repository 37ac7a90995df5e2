// Arguments of the kernels of quantization by a mixture of codes.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/base/philox.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// Scores s_nk = 2 z_n . e_k - |e_k|^2, which are -|z_n - e_k|^2 but for what is the same for all k; p = softmax(s).
// Forward: mixture = softmax((s + g) / tau), g_nk = -log(-log u) with u number (first + n) codes + k of the stream;
// divergence_n = sum over k of p_nk log(codes p_nk).
// Backward: slope = 2 (mixture (slope - sum of mixture slope) / tau + weight p (log(codes p) - divergence)), in place.
struct GumbelMixture {
  const void* products;  // (rows, codes) z . e
  const void* squares;   // (codes,) |e|^2
  void* mixture;         // (rows, codes)
  void* slope;           // (rows, codes) of the mixture, becomes that of the products; null in forward
  double* divergence;    // (rows,); null in backward
  DType dtype;           // float32 or float64
  double tau, weight;
  bool noise;
  philox::Key key;
  std::int64_t first, rows, codes;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
