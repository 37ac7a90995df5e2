// What a layer of experts is.
#pragma once

#include <vector>

#include "wudao/kernels/products.h"
#include "wudao/moe/gate/gate.h"

namespace wudao::moe {

// Consecutive experts of one width: FFN(x) = W_2 activation(W_1 x + b_1) + b_2, W_1 (width, hidden).
struct ExpertClass {
  std::int64_t count = 0, width = 0;
};

// How rows travel: to every rank at once, or within supernodes first and then across. The results are the same bits.
enum class ExchangeKind : std::uint8_t { kFlat, kTwoLevel };

struct LayerConfig {
  std::int64_t hidden = 0;
  std::vector<ExpertClass> classes;
  std::int64_t shared_width = 0;  // of an expert that sees every token; 0: there is none
  kernels::Activation activation = kernels::Activation::kGeluTanh;
  Gate gate;
  LossWeights losses;
  std::int64_t picture_experts = 0;  // the last so many are for rows of pictures alone, the others for the rest; 0: none
  double bias_rate = 1e-3;  // of the bias gate: how far a batch moves its bias
  double jitter = 0.0;      // in training the router sees x times numbers of [1 - jitter, 1 + jitter)
  double std = 0.02, output_std = 0.02, gate_std = 0.02;
  ExchangeKind exchange = ExchangeKind::kFlat;
  int supernode = 0;  // ranks of a supernode; 0: all

  std::int64_t experts() const;
  void check(int ranks) const;  // ConfigError naming the argument; `ranks`: that share the experts
};

}  // namespace wudao::moe
