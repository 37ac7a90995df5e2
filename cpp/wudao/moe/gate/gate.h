// Which experts see a token, and with what weight. Terms, for tokens t, experts e, choices j = 0 .. k-1:
//
//   z       router logits (T, E)
//   p_te    softmax of z over e; with the bias gate sigmoid(z_te) / sum over e
//   c_tj    the j-th expert of token t, best first; -1: none
//   w_tj    its weight
//   group   T_g consecutive tokens of the global sequence that share capacity and balance losses. Groups come from the
//           configuration, so routing does not depend on who computes it.
//
// Whatever is random is keyed by (seed, step, stream, global token, expert). Equal scores go to the lower expert.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "wudao/comm/communicator.h"
#include "wudao/tensor/context.h"

namespace wudao::moe {

enum class GateKind : std::uint8_t {
  kNaive,         // the k largest z; w = p / sum of the chosen p for k > 1, p for k = 1
  kNoisy,         // the k largest z + std * N(0, 1) in training; w = softmax of these over the chosen (Shazeer 2017)
  kSwitch,        // k = 1; w = p (Fedus 2021)
  kGShard,        // k = 2; w = p / (p_0 + p_1); in training the second is used with probability min(1, 2 w_1)
                  // (Lepikhin 2020)
  kGroupLimited,  // the k largest p within the topk_groups best groups of experts; w as kNaive (DeepSeek-V2, V3)
  kBias,          // the k largest sigmoid(z) + bias; w = sigmoid(z) / sum of the chosen (DeepSeek-V3)
};

// Which rows an expert that is full lets go: those of the least p, or the last in the order of (choice, token).
enum class Drop : std::uint8_t { kProbability, kPosition };

struct Gate {
  GateKind kind = GateKind::kNaive;
  int k = 2;
  int expert_groups = 1, topk_groups = 1;  // kGroupLimited: a group counts the sum of its best k / topk_groups p
  double capacity_factor = 0.0;            // capacity = ceil(capacity_factor k T_g / E) rows of a group; 0: no limit
  int min_capacity = 0;
  Drop drop = Drop::kProbability;
  int groups = 1;           // 0, for layers: as many as virtual shards
  int sequence_length = 0;  // for the sequence-wise loss; 0: none
  bool train = true;

  void check(std::int64_t experts) const;  // ConfigError naming the argument
};

// The tokens at hand, part of the global sequence.
struct Tokens {
  Tensor logits;                      // (T, E) float32 or float64
  Tensor noise_logits;                // kNoisy: (T, E), std = softplus(noise_logits) + 0.01; undefined: std = 1 / E
  Tensor bias;                        // kBias: (E,) float64 added to choose; undefined: none
  std::int64_t first = 0, total = 0;  // place in the global sequence and its length
  std::uint64_t seed = 0;
  std::uint32_t step = 0, stream = 0;  // a gate takes kGateStreams streams
};
constexpr std::uint32_t kGateStreams = 4;

// A sum of numbers rounded to multiples of 2^-46: exact, so that the bits are the same whatever the order and whoever
// adds what.
struct ExactSum {
  static constexpr int kFraction = 46;
  std::int64_t whole = 0, fraction = 0;  // fraction < 2^46 except while ranks are added
  void add(double value);                // at least 0 and below 2^62
  double value() const;
};

// What the losses of some groups, and their gradients, are made of.
struct GroupSums {
  std::int64_t first_group = 0, groups = 0, experts = 0;  // groups that these tokens have a part in
  std::int64_t size = 0, all_groups = 0;                  // tokens of a group; groups of the whole sequence
  std::vector<std::int64_t> chosen, chosen_first;         // (groups, E) choices before drops; of them j = 0
  std::vector<ExactSum> probability, importance, load;    // (groups, E) sums over tokens of p, w and the load of kNoisy
  std::vector<ExactSum> z;                                // (groups,) of logsumexp(z)^2
};

struct Routing {
  Tensor indices;          // (T, k) int32; -1: dropped, or there are not so many experts with a finite logit
  Tensor weights;          // (T, k) of the logits' type; 0 where the index is -1
  Tensor counts, dropped;  // (E,) int64, over all groups: rows that experts get, and rows let go
  std::vector<std::pair<std::string, double>> losses;

  // For backward.
  Tensor chosen;                   // (T, k) int32 before drops
  Tensor shares;                   // (T, k) float64: weights before drops
  Tensor lse;                      // (T,) float64: log of the sum that p divides by
  GroupSums sums, sequences, all;  // by group, by sequence, and of the whole batch as one group
};

// Gives tokens, `rows` of this rank, their place behind those of the ranks before.
void place(Context& ctx, std::int64_t rows, comm::Communicator& comm, Tokens& tokens);

// ShapeError, ConfigError, also for a logit that is not a number. With `comm` the tokens of its ranks, in their order,
// are the global sequence; `tokens` learn their place, and all ranks come to the same decisions and errors.
Routing route(Context& ctx, const Gate& gate, Tokens& tokens, comm::Communicator* comm);

// How much of each loss is in the objective.
struct LossWeights {
  double switch_loss = 0, gshard = 0, importance = 0, load = 0, z = 0, sequence = 0, global_batch = 0;

  LossWeights operator*(double by) const {
    return {switch_loss * by, gshard * by, importance * by, load * by, z * by, sequence * by, global_batch * by};
  }
};

struct RouteGradients {
  Tensor logits, noise_logits;  // (T, E)
};

// Gradients of sum(dweights * weights) + sum over losses of weight * loss.
RouteGradients route_backward(Context& ctx, const Gate& gate, const Tokens& tokens, const Routing& routing,
                              const Tensor& dweights, const LossWeights& losses);

}  // namespace wudao::moe
