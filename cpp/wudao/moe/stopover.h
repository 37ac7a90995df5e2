// Rows that stop over on their way by two levels: from slot s of every supernode, for all slots of this one.
#pragma once

#include "wudao/moe/neighbours.h"

namespace wudao::moe {

struct Stopover {
  Tensor unique;                        // (tokens that go across,) int64: by supernode, ascending
  Counts unique_sent, unique_received;  // by rank
  Counts across_sent, across_received;  // rows, by rank
  Counts within_sent, within_received;  // rows, by slot
  // For rows that go on by messages.
  Tensor spread;              // (rows that stop over,) int64: which of the tokens received a row is of
  Tensor by_slot, by_source;  // the same rows from the order (source, slot) to (slot, source), and back
};

std::int64_t sum(const Counts& counts);

// The different tokens that each supernode wants; returns for each row sent which of its supernode's tokens it is of.
Counts pick_tokens(Context& ctx, const Neighbours& here, const Plan& plan, Stopover& at);

// Of rows that stop over, `stopping` of each supernode by (expert here, shard): how many come from where, and go where.
void count_rows(const Neighbours& here, const std::vector<Counts>& stopping, std::int64_t experts,
                const std::vector<ShardRange>& shards, Stopover& at);

// Where they lie when they come, by (source, slot), and when they go on, by (slot, source). `token`: as `spread`, by
// (source, slot).
void lay_out(Context& ctx, const Neighbours& here, const std::vector<Counts>& stopping, const Counts& token,
             std::int64_t experts, const std::vector<ShardRange>& shards, Stopover& at);

// Counts by (expert, shard) that this rank passes on to each slot.
Counts numbers_within(const Neighbours& here, std::int64_t experts, const std::vector<ShardRange>& shards);

}  // namespace wudao::moe
