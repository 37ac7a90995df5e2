#include "wudao/moe/plan.h"

#include <algorithm>
#include <numeric>

#include "wudao/base/error.h"

namespace wudao::moe {
namespace {

using Counts = std::vector<std::int64_t>;

// Sorts the choices by (expert, token): counts by (expert, own shard), tokens and slots.
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

// Counts by (source rank, local expert, shard of the source), from all ranks.
std::vector<Counts> exchange_counts(const Counts& mine, std::int64_t experts, const std::vector<ShardRange>& shards,
                                    comm::Communicator& comm) {
  const auto own = static_cast<std::int64_t>(shards[static_cast<std::size_t>(comm.rank())].count);
  const auto [first, last] = experts_of(experts, comm.rank(), comm.size());
  Counts send, receive;
  std::int64_t total = 0;
  for (int r = 0; r < comm.size(); ++r) {
    const auto [begin, end] = experts_of(experts, r, comm.size());
    send.push_back((end - begin) * own);
    receive.push_back((last - first) * shards[static_cast<std::size_t>(r)].count);
    total += receive.back();
  }
  Counts found(static_cast<std::size_t>(total));
  const auto borrow = [](const Counts& c) {
    return Tensor::borrow(const_cast<std::int64_t*>(c.data()), {static_cast<std::int64_t>(c.size())}, DType::kInt64,
                          nullptr);
  };
  comm.all_to_all_v({borrow(mine), send}, {borrow(found), receive});
  std::vector<Counts> by_source;
  auto at = found.begin();
  for (const std::int64_t count : receive) {
    by_source.emplace_back(at, at + count);
    at += count;
  }
  return by_source;
}

// Where every row of an expert lies, and where it came.
void order_rows(Context& ctx, const std::vector<Counts>& by_source, std::int64_t experts,
                const std::vector<ShardRange>& shards, Plan& plan) {
  plan.begin = ctx.empty({experts + 1}, DType::kInt64);
  plan.shard_begin = ctx.empty({experts, plan.shards + 1}, DType::kInt64);
  std::vector<std::int64_t> arrival(by_source.size() + 1);  // of the next row of each source
  for (std::size_t r = 0; r < by_source.size(); ++r) arrival[r + 1] = arrival[r] + plan.received[r];
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

}  // namespace

std::pair<std::int64_t, std::int64_t> experts_of(std::int64_t experts, int rank, int ranks) {
  return comm::part_of(experts, rank, ranks);
}

std::vector<ShardBlock> blocks_of(const std::vector<ShardRange>& shards) {
  std::vector<ShardBlock> blocks;
  int column = 0;
  const auto push = [&](ShardBlock block) {
    blocks.push_back(block);
    while (blocks.size() > 1) {  // two neighbours that are the halves of a node become the node
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

Plan make_plan(Context& ctx, const Tensor& indices, std::int64_t experts, const std::vector<ShardRange>& shards,
               comm::Communicator& comm) {
  const int own = shards.at(static_cast<std::size_t>(comm.rank())).count;
  if ((own == 0 && indices.dim(0) > 0) || (own > 0 && indices.dim(0) % own != 0)) {
    fail<ShapeError>("moe", "tokens", text("equally many in each of ", own, " virtual shards"), text(indices.dim(0)));
  }
  Plan plan;
  plan.blocks = blocks_of(shards);
  for (const ShardRange& range : shards) plan.shards += range.count;
  const Counts mine = sort_choices(ctx, indices, experts, own, plan);
  for (int r = 0; r < comm.size(); ++r) {
    const auto [begin, end] = experts_of(experts, r, comm.size());
    plan.sent.push_back(std::accumulate(mine.begin() + begin * own, mine.begin() + end * own, std::int64_t{0}));
  }
  const auto [first, last] = experts_of(experts, comm.rank(), comm.size());
  const std::vector<Counts> by_source =
      comm.size() == 1 ? std::vector<Counts>{mine} : exchange_counts(mine, experts, shards, comm);
  for (const Counts& counts : by_source) {
    plan.received.push_back(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  }
  plan.order_rows = std::accumulate(plan.received.begin(), plan.received.end(), std::int64_t{0});
  order_rows(ctx, by_source, last - first, shards, plan);
  return plan;
}

}  // namespace wudao::moe
