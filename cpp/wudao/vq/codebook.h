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

#include "wudao/vq/assigned.h"
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

  // Moves the averages by the batch that was seen.
  void update(Context& ctx, Assigned& assigned);

  // Revival, in three parts, as the z may lie on any rank: the codes with N_k below `least`; the z of the global batch,
  // of `rows`, that each of them gets, drawn by (seed, step, k); and the codes' new place, with N_k = `size` and S_k
  // that follows.
  std::vector<std::int64_t> rarely_used(double least) const;
  static std::vector<std::int64_t> drawn(const std::vector<std::int64_t>& codes, std::int64_t rows, std::uint64_t seed,
                                         std::uint32_t step);
  void place(const std::vector<std::int64_t>& codes, const Tensor& z, double size);

 private:
  double decay_, epsilon_;
  Tensor values_, sizes_, sums_;
};

}  // namespace wudao::vq
