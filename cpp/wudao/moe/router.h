// The ops of a router on the tape: what it sees, and from its logits the weights of the choices.
#pragma once

#include "wudao/moe/config.h"
#include "wudao/ops/op.h"

namespace wudao::moe {

// y = x * u in the accumulator type, u uniform in [1 - jitter, 1 + jitter), keyed by (seed, step, stream, global row).
struct RouterInput {
  static constexpr std::string_view name = "router_input";
  static constexpr std::size_t arity = 1;  // x
  struct Params {
    double jitter = 0.0;
    std::uint32_t stream = 0;
    std::int64_t first_row = 0;
  };
  struct Saved {
    DType x = DType::kFloat32;
  };
  static Tensor forward(Context& ctx, const Params& params, const ops::Tensors<1>& inputs, Saved* saved);
  static ops::Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                  const ops::Flags<1>& needs);
};

// Logits (T, E) with minus infinity where a token may not go: rows of pictures to experts before `first`, others to those
// from there on.
struct OwnExperts {
  static constexpr std::string_view name = "own_experts";
  static constexpr std::size_t arity = 1;  // logits
  struct Params {
    Tensor pictures;  // (T,) uint8
    std::int64_t first = 0;
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Params& params, const ops::Tensors<1>& inputs, Saved* saved);
  static ops::Tensors<1> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                  const ops::Flags<1>& needs);
};

// What a forward pass decided.
struct RouteState {
  Tokens tokens;
  Routing routing;
  std::vector<std::int64_t> diverged;  // tokens with a logit that is not a number
};

// Logits (T, E), and those of the noise or none, to weights (T, k). In a model a token whose logits are not numbers has
// weights and gradients that are none either, so that the step is skipped as any that has diverged. Its backward adds
// the slopes of the balance losses.
struct RouteWeights {
  static constexpr std::string_view name = "route";
  static constexpr std::size_t arity = 2;  // logits, noise logits
  struct Params {
    Gate gate;
    LossWeights losses;
    Tokens tokens;  // all but the logits
    std::shared_ptr<RouteState> state;
    // Ranks whose tokens make the global sequence; null: `tokens` says where they are.
    comm::Communicator* comm = nullptr;
    const GroupSums* batch = nullptr;  // of the whole batch, known by the time of backward; empty: these tokens are it
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Params& params, const ops::Tensors<2>& inputs, Saved* saved);
  static ops::Tensors<2> backward(Context& ctx, const Params& params, const Saved& saved, const Tensor& dy,
                                  const ops::Flags<2>& needs);
};

}  // namespace wudao::moe
