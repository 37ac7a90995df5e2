// The book of codes, which is no parameter: moving averages of what was assigned to each code.
//
//   N_k <- g N_k + (1 - g) n_k;   S_k <- g S_k + (1 - g) sum of the z assigned to k;   n = sum of N_k
//   e_k = S_k / N'_k,  N'_k = (N_k + eps) / (n + M eps) n
//
// n_k and the sums are those of the global batch, in the fixed tree over virtual shards. N_k begins at 1 and S_k at e_k: a
// book that begins at N_k = 0 throws away, in its first step, every code that this step does not use.
// Source: van den Oord et al. 2017, appendix A.1; Razavi et al. 2019.
#pragma once

#include <vector>

#include "wudao/autograd/gradient.h"
#include "wudao/vq/config.h"

namespace wudao::vq {

class Codebook {
 public:
  Codebook(Context& ctx, const TokenizerConfig& config, DType dtype, std::uint64_t seed);

  const Tensor& values() const { return values_; }  // (M, C)
  const Tensor& sizes() const { return sizes_; }    // (M,) N_k
  const Tensor& sums() const { return sums_; }      // (M, C) S_k
  void touch() { values_.storage().touch(); }       // to be called by whoever changes the values

  Tensor look_up(Context& ctx, const Tensor& codes) const;  // (N,) -> (N, C)

  // Before a batch; and what one micro-batch assigned: codes (N,), z (N, C).
  void begin_batch();
  void see(Context& ctx, const Tensor& codes, const Tensor& z);
  // How often each code was assigned since begin_batch.
  const std::vector<std::int64_t>& counts() const { return counts_; }

  // Moves the averages by the batch that was seen.
  void update(Context& ctx);
  // Gives every code with N_k below `least` the place of a z of the batch, drawn by (seed, step, k); its N_k becomes
  // `size` and its S_k follows. Returns how many there were.
  std::int64_t revive(double least, double size, std::uint64_t seed, std::uint32_t step);

 private:
  double decay_, epsilon_;
  Tensor values_, sizes_, sums_;
  GradientTree assigned_;  // sums of z by code
  std::vector<std::int64_t> counts_;
  std::vector<Tensor> seen_;  // z of the batch, micro-batch after micro-batch
};

}  // namespace wudao::vq
