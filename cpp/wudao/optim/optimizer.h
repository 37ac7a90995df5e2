// AdamW for everything, or Muon for the matrices inside the blocks and AdamW for the rest.
#pragma once

#include <string>
#include <vector>

#include "wudao/nn/parameter.h"

namespace wudao::optim {

struct OptimizerConfig {
  bool muon = false;
  double beta1 = 0.9, beta2 = 0.98, eps = 1e-6, weight_decay = 0.1;  // GLM base, spec section 2.7
  double momentum = 0.95;                                            // Muon
  DType newton_schulz = DType::kFloat32;  // type of Muon's products: bfloat16 is enough for it

  void check() const;
};

struct Rates {
  double adamw = 0.0;
  double muon = 0.0;
  double grad_scale = 1.0;  // from clipping
};

// What an optimizer keeps per parameter; undefined where it keeps nothing.
struct Slot {
  nn::Parameter* parameter;
  bool muon;
  Tensor m, v;  // AdamW: first and second moment. Muon: m is the momentum buffer
};

class Optimizer {
 public:
  Optimizer(Context& ctx, const std::vector<std::shared_ptr<nn::Parameter>>& parameters, const OptimizerConfig& config);

  const OptimizerConfig& config() const { return config_; }
  // Updates all parameters with the gradients of the batch, one for each, which are used up.
  void step(Context& ctx, std::vector<Tensor> gradients, const Rates& rates);

  std::vector<Slot>& slots() { return slots_; }
  std::int64_t steps() const { return steps_; }  // updates done
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  void adamw(Context& ctx, Slot& slot, const Tensor& gradient, const Rates& rates);
  struct Matrix {
    std::size_t slot;
    std::int64_t expert;  // of a slot that holds those of many experts, one after the other
    std::int64_t size;
  };
  void muon(Context& ctx, const Matrix& matrix, const Tensor& gradients, const Rates& rates) const;
  std::vector<Matrix> muon_matrices() const;  // the most work first

  OptimizerConfig config_;
  std::vector<Slot> slots_;
  std::int64_t steps_ = 0;
};

// Sum of squares of all elements in double, in a fixed order.
double sum_squares(Context& ctx, const Tensor& x);

// The factor of clipping by global norm: min(1, limit / (norm + 1e-6)); 1 when limit is 0.
double clip_factor(double norm, double limit);

// Five Newton-Schulz steps X <- aX + (bA + cA^2)X, A = X X^T, from G / ||G||_F, which bring the singular values of G
// close to 1 (Jordan et al. 2024, Muon). Works on the transpose when G has more rows than columns.
Tensor newton_schulz(Context& ctx, const Tensor& gradient, DType compute, int steps = 5);

}  // namespace wudao::optim
