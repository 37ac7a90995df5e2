// Who is let go where more tokens of a group want an expert than it takes.
#pragma once

#include "wudao/moe/gate/gate.h"

namespace wudao::moe {

// Rows that an expert takes of a group of so many tokens: max(ceil(capacity_factor k T_g / E), min_capacity).
std::int64_t capacity_of(const Gate& gate, std::int64_t tokens, std::int64_t experts);

// kept (T, k): the choices, -1 where one was let go. `priority` (T, k) is what Drop::kProbability goes by. The tokens
// of both are whole groups.
void drop(const Gate& gate, std::int64_t group_tokens, std::int64_t experts, const Tensor& chosen,
          const Tensor& priority, const Tensor& kept);

}  // namespace wudao::moe
