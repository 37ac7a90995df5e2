// Who gets which row: made from the choices of a routing, used forward and backward.
//
// A row is one choice of one token. Rows that a rank sends lie by (expert, token), and since experts lie on ranks in
// their order, those for one rank lie together. Rows that an expert sees lie by (virtual shard, token of the global
// sequence), whoever sent them: so its products, and the sums in its gradients, are the same for any number of ranks.
#pragma once

#include <memory>
#include <vector>

#include "wudao/comm/communicator.h"
#include "wudao/tensor/context.h"

namespace wudao::moe {

// Some of the shards at hand that make a node of the tree over all shards: an aligned power of two of them.
struct ShardBlock {
  int column;  // the first, counted among the shards at hand
  ShardRange shards;
};

struct Stopover;
struct Places;

struct Plan {
  // Rows that this rank sends.
  Tensor token;                              // (sent,) int64: whose row it is
  Tensor slot;                               // (T, k) int64: where the row of a choice is among those sent; -1: none
  std::vector<std::int64_t> sent, received;  // rows to each rank and from each

  // Rows that this rank's experts see.
  Tensor order;        // (rows,) int64: where the row is among those received; undefined: in its place
  Tensor back;         // (rows,) int64: the inverse; undefined where order is
  Tensor begin;        // (experts + 1,) int64: rows of each local expert
  Tensor shard_begin;  // (experts, shards + 1) int64: of each shard of each local expert
  std::vector<ShardBlock> blocks;
  int shards = 0;                            // at hand, of all ranks
  std::shared_ptr<const Stopover> stopover;  // of rows that travel by two levels
  std::shared_ptr<const Places> places;      // of rows in the memory of a node

  std::int64_t rows() const { return order_rows; }
  std::int64_t order_rows = 0;
};

// Experts of rank r of `ranks`: [first, second).
std::pair<std::int64_t, std::int64_t> experts_of(std::int64_t experts, int rank, int ranks);

// The aligned powers of two that these shards fall into; or each shard by itself.
std::vector<ShardBlock> blocks_of(const std::vector<ShardRange>& shards, bool single);

using Counts = std::vector<std::int64_t>;

// The parts of making a plan. First the choices `indices` (T, k) int32, -1: none, of tokens of this rank's `shards`,
// equally many of each: sorted by (expert, token). Fills token and slot; returns counts by (expert, shard).
Counts sort_choices(Context& ctx, const Tensor& indices, std::int64_t experts, int shards, Plan& plan);

// Last the rows that come: `by_source` has for each rank its counts by (local expert, its shard), `arrivals` the ranks
// in the order in which their rows lie when they have come.
void order_rows(Context& ctx, const std::vector<Counts>& by_source, const std::vector<int>& arrivals,
                std::int64_t experts, const std::vector<ShardRange>& shards, Plan& plan);

}  // namespace wudao::moe
