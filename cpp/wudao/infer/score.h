// What the model thinks of given texts: log-probabilities of targets, and the ids it would have chosen itself.
#pragma once

#include "wudao/model/glm.h"

namespace wudao::infer {

// Rows to score: `counted` (B T,) float64 is not 0 where the target counts.
struct Scored {
  model::Inputs inputs;
  Tensor targets;  // (B T,) int32
  Tensor counted;
};

// (B T,) float64: natural log-probability of the target where it counts, else 0. The logits are never held as a whole.
Tensor log_probs(const Context& ctx, const model::GLM& glm, const Scored& rows);

// (B T,) int32: the most probable id (ties: the lowest) where the target counts, else -1. Logits of 64 rows at a time.
Tensor best_ids(const Context& ctx, const model::GLM& glm, const Scored& rows);

}  // namespace wudao::infer
