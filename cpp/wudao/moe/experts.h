// The experts that this rank holds: consecutive ones, as many as on every other rank or one more or less.
#pragma once

#include "wudao/autograd/gradient.h"
#include "wudao/moe/config.h"
#include "wudao/moe/plan.h"
#include "wudao/nn/layers.h"

namespace wudao::moe {

// Experts of one class: parameters of all of them, one after the other.
struct Bank {
  std::int64_t first = 0, count = 0, width = 0;  // global id of the first
  std::int64_t skipped = 0, all = 0;             // experts of the class before it, and of all ranks
  nn::ParameterPtr up_weight, up_bias;           // (count, width, hidden), (count, width)
  nn::ParameterPtr down_weight, down_bias;       // (count, hidden, width), (count, hidden)
};

// What backward needs of the experts' products, bank by bank.
struct ExpertRows {
  Tensor x;                              // (rows, hidden) the input
  std::vector<Tensor> inner, activated;  // (rows of the bank, width): W_1 x + b_1, and its activation
};

class Experts {
 public:
  Experts(nn::ParameterList& list, const std::string& name, const LayerConfig& config, int rank, int ranks);

  const std::string& name() const { return name_; }
  const std::vector<Bank>& banks() const { return banks_; }
  std::int64_t first() const { return first_; }  // global ids [first, first + count)
  std::int64_t count() const { return count_; }

  // rows (N, hidden) compute, in the order of the plan -> (N, hidden) compute. Keeps what backward needs in `saved`
  // unless it is null. Returns `y`, where what they make goes.
  Tensor forward(Context& ctx, const Plan& plan, const Tensor& rows, ExpertRows* saved, const Tensor& y) const;
  // Returns `dx`, the gradient of the rows; those of the parameters go to their trees.
  Tensor backward(Context& ctx, const Plan& plan, const ExpertRows& saved, const Tensor& dy, const Tensor& dx) const;

 private:
  void show(Context& ctx, const Plan& plan, const char* what, const Tensor& rows) const;
  std::string name_;
  std::int64_t hidden_, first_, count_;
  kernels::Activation activation_;
  std::vector<Bank> banks_;
};

}  // namespace wudao::moe
