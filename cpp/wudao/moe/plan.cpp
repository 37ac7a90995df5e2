#include "wudao/moe/plan.h"

#include <algorithm>
#include <numeric>

#include "wudao/base/error.h"

namespace wudao::moe {

std::pair<std::int64_t, std::int64_t> experts_of(std::int64_t experts, int rank, int ranks) {
  return comm::part_of(experts, rank, ranks);
}

std::vector<ShardBlock> blocks_of(const std::vector<ShardRange>& shards, bool single) {
  std::vector<ShardBlock> blocks;
  int column = 0;
  const auto push = [&](ShardBlock block) {
    blocks.push_back(block);
    while (!single && blocks.size() > 1) {  // two neighbours that are the halves of a node become the node
      ShardBlock& left = blocks[blocks.size() - 2];
      const ShardBlock& right = blocks.back();
      const bool halves = left.shards.count == right.shards.count &&
                          right.shards.first == left.shards.first + left.shards.count &&
                          left.shards.first % (2 * left.shards.count) == 0;
      if (!halves) break;
      left.shards.count *= 2;
      blocks.pop_back();
    }
  };
  for (const ShardRange& range : shards) {
    for (int s = 0; s < range.count; ++s) push({column++, {range.first + s, 1}});
  }
  return blocks;
}

Counts sort_choices(Context& ctx, const Tensor& indices, std::int64_t experts, int shards, Plan& plan) {
  const std::int64_t tokens = indices.dim(0), k = indices.dim(1);
  const auto* const chosen = indices.data<std::int32_t>();
  Counts counts(static_cast<std::size_t>(experts * shards));
  const std::int64_t of_shard = shards == 0 ? 0 : tokens / shards;
  const auto cell = [&](std::int64_t t, std::int32_t e) { return static_cast<std::size_t>(e * shards + t / of_shard); };
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    if (chosen[i] >= 0) ++counts[cell(i / k, chosen[i])];
  }
  Counts next(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), std::int64_t{0});
  plan.token = ctx.empty({std::accumulate(counts.begin(), counts.end(), std::int64_t{0})}, DType::kInt64);
  plan.slot = ctx.empty({tokens, k}, DType::kInt64);
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    const std::int64_t at = chosen[i] < 0 ? -1 : next[cell(i / k, chosen[i])]++;
    plan.slot.data<std::int64_t>()[i] = at;
    if (at >= 0) plan.token.data<std::int64_t>()[at] = i / k;
  }
  return counts;
}

void order_rows(Context& ctx, const std::vector<Counts>& by_source, const std::vector<int>& arrivals,
                std::int64_t experts, const std::vector<ShardRange>& shards, Plan& plan) {
  plan.begin = ctx.empty({experts + 1}, DType::kInt64);
  plan.shard_begin = ctx.empty({experts, plan.shards + 1}, DType::kInt64);
  for (const Counts& counts : by_source) {
    plan.received.push_back(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  }
  plan.order_rows = std::accumulate(plan.received.begin(), plan.received.end(), std::int64_t{0});
  Counts arrival(by_source.size());  // of the next row of each source
  std::int64_t next = 0;
  for (const int source : arrivals) {
    arrival[static_cast<std::size_t>(source)] = next;
    next += plan.received[static_cast<std::size_t>(source)];
  }
  const bool moved = by_source.size() > 1;
  if (moved) {
    plan.order = ctx.empty({plan.order_rows}, DType::kInt64);
    plan.back = ctx.empty({plan.order_rows}, DType::kInt64);
  }
  std::int64_t row = 0;
  for (std::int64_t e = 0; e < experts; ++e) {
    plan.begin.data<std::int64_t>()[e] = row;
    std::int64_t* shard_begin = plan.shard_begin.data<std::int64_t>() + e * (plan.shards + 1);
    for (std::size_t r = 0; r < by_source.size(); ++r) {
      for (int s = 0; s < shards[r].count; ++s) {
        *shard_begin++ = row;
        const std::int64_t count = by_source[r][static_cast<std::size_t>(e * shards[r].count + s)];
        for (std::int64_t i = 0; moved && i < count; ++i) {
          plan.order.data<std::int64_t>()[row + i] = arrival[r];
          plan.back.data<std::int64_t>()[arrival[r]++] = row + i;
        }
        row += count;
      }
    }
    *shard_begin = row;
  }
  plan.begin.data<std::int64_t>()[experts] = row;
}

}  // namespace wudao::moe
