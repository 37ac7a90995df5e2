// Rows to the ranks of their experts and back by itself, for experts that are not ours.
//
//   dispatch:  r_(e, t) = x_t for every choice e of token t, at the rank of e
//   combine:   y_t = sum over j of w_tj r_(e_tj, t), j in order
#pragma once

#include "wudao/moe/exchange.h"

namespace wudao::moe {

class Dispatch {
 public:
  // indices (T, k) int32 of this rank's tokens, -1: none; the tokens of all ranks, in their order, are the sequence.
  Dispatch(Context& ctx, std::shared_ptr<comm::Communicator> comm, const LayerConfig& config, const Tensor& indices);

  const Plan& plan() const { return plan_; }
  std::pair<std::int64_t, std::int64_t> held() const { return held_; }  // experts [first, second) of this rank

  Tensor dispatch(Context& ctx, const Tensor& x);                           // (T, H) -> (rows, H)
  Tensor combine(Context& ctx, const Tensor& rows, const Tensor& weights);  // (rows, H), (T, k) or none -> (T, H)

  struct Gradients {
    Tensor rows, weights;
  };
  // Of the last `combine` that had weights.
  Gradients combine_backward(Context& ctx, const Tensor& dy);

 private:
  std::unique_ptr<Exchange> exchange_;
  Plan plan_;
  std::pair<std::int64_t, std::int64_t> held_;
  Tensor made_, weights_;
};

}  // namespace wudao::moe
