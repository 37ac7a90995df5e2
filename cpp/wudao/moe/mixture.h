// The experts' part of a layer on the tape.
//
//   y_t = residual_t + dropout(sum over j of w_tj FFN_{e_tj}(x_t)), j in order
#pragma once

#include "wudao/moe/exchange.h"
#include "wudao/moe/experts.h"
#include "wudao/moe/telemetry.h"
#include "wudao/ops/op.h"

namespace wudao::moe {

// x (T, hidden) compute, weights (T, k) and residual (T, hidden) of its accumulator type, residual optional. The
// gradients of the experts' parameters go to their trees directly.
struct Mixture {
  static constexpr std::string_view name = "experts";
  static constexpr std::size_t arity = 3;  // x, weights, residual
  struct Params {
    std::shared_ptr<const Plan> plan;
    const Experts* experts;
    Exchange* exchange;
    PhaseSeconds* seconds;  // grows by what the phases took
    double dropout = 0.0;
    std::uint32_t stream = 0;
    std::int64_t first_row = 0;
  };
  struct Saved {
    ExpertRows rows;
    Tensor made;  // what the experts made, in the order sent
    Tensor weights;
    bool residual = false;
  };
  static Tensor forward(Context& ctx, const Params& params, const ops::Tensors<3>& inputs, Saved* saved);
  static ops::Tensors<3> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                  const ops::Flags<3>& needs);
};

}  // namespace wudao::moe
