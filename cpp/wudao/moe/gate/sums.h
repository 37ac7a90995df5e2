// What balance losses are made of, group by group.
#pragma once

#include "wudao/moe/gate/scores.h"

namespace wudao::moe {

// The parts of groups of `size` tokens that lie among these tokens. `routing` has chosen, shares and lse.
GroupSums sum_groups(Context& ctx, const Gate& gate, const Tokens& tokens, const Routing& routing, std::int64_t size);

// All groups of `sums` as one.
GroupSums join(const GroupSums& sums);

// The sums over ranks, of all groups of the sequence.
GroupSums reduce(Context& ctx, const GroupSums& sums, comm::Communicator& comm);

// The load of kNoisy: the chance that token t would choose e, were its noise drawn again, everybody else's kept.
//   Phi((z_te - threshold) / std_te), threshold = the k-th best noisy logit without e
struct Load {
  double value, slope;  // slope: of the value, by its argument
  double std, draw;
  std::int64_t threshold;  // the expert whose noisy logit it is; -1: there is none, and the value is 1
  double argument;
};
Load load_of(const Scores& scores, const Gate& gate, const std::int32_t* chosen, std::int64_t t, std::int64_t e,
             std::int64_t next);
// The (k + 1)-th best expert of a token; -1: there is none.
std::int64_t next_best(const Scores& scores, const Gate& gate, const std::int32_t* chosen, std::int64_t t);

}  // namespace wudao::moe
