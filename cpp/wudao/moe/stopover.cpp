#include "wudao/moe/stopover.h"

#include <algorithm>
#include <numeric>

namespace wudao::moe {
namespace {

// Rows from (g, my slot) for slot s of this supernode.
std::int64_t rows_for(const Neighbours& here, const Counts& counts, std::int64_t experts, int s, int shards) {
  const std::int64_t base = here.experts_here(experts).first;
  const auto [begin, end] = here.experts_of_slot(experts, s);
  return std::accumulate(counts.begin() + (begin - base) * shards, counts.begin() + (end - base) * shards,
                         std::int64_t{0});
}

}  // namespace

std::int64_t sum(const Counts& counts) { return std::accumulate(counts.begin(), counts.end(), std::int64_t{0}); }

Counts pick_tokens(Context& ctx, const Neighbours& here, const Plan& plan, Stopover& at) {
  const auto* token = plan.token.data<std::int64_t>();
  at.unique_sent = at.across_sent = Counts(static_cast<std::size_t>(here.ranks()));
  Counts unique, index;
  for (int g = 0; g < here.supernodes; ++g) {
    std::int64_t rows = 0;
    for (int s = 0; s < here.slots; ++s) rows += plan.sent[static_cast<std::size_t>(here.rank(g, s))];
    Counts own(token, token + rows);
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    for (std::int64_t i = 0; i < rows; ++i) {
      index.push_back(std::lower_bound(own.begin(), own.end(), token[i]) - own.begin());
    }
    unique.insert(unique.end(), own.begin(), own.end());
    at.unique_sent[static_cast<std::size_t>(here.across(g))] = static_cast<std::int64_t>(own.size());
    at.across_sent[static_cast<std::size_t>(here.across(g))] = rows;
    token += rows;
  }
  at.unique = ctx.empty({static_cast<std::int64_t>(unique.size())}, DType::kInt64);
  std::copy(unique.begin(), unique.end(), at.unique.data<std::int64_t>());
  return index;
}

void count_rows(const Neighbours& here, const std::vector<Counts>& stopping, std::int64_t experts,
                const std::vector<ShardRange>& shards, Stopover& at) {
  at.across_received = Counts(static_cast<std::size_t>(here.ranks()));
  at.within_sent.resize(static_cast<std::size_t>(here.slots));
  for (int g = 0; g < here.supernodes; ++g) {
    const auto source = static_cast<std::size_t>(here.across(g));
    const Counts& counts = stopping[static_cast<std::size_t>(g)];
    at.across_received[source] = sum(counts);
    for (int s = 0; s < here.slots; ++s) {
      at.within_sent[static_cast<std::size_t>(s)] += rows_for(here, counts, experts, s, shards[source].count);
    }
  }
}

void lay_out(Context& ctx, const Neighbours& here, const std::vector<Counts>& stopping, const Counts& token,
             std::int64_t experts, const std::vector<ShardRange>& shards, Stopover& at) {
  const Shape rows = {static_cast<std::int64_t>(token.size())};
  for (Tensor* each : {&at.by_slot, &at.by_source, &at.spread}) *each = ctx.empty(rows, DType::kInt64);
  Counts first;  // of the next row of each source
  for (int g = 0; g < here.supernodes; ++g) {
    first.push_back(g == 0 ? 0 : first.back() + sum(stopping[static_cast<std::size_t>(g - 1)]));
  }
  std::int64_t next = 0;
  for (int s = 0; s < here.slots; ++s) {
    for (std::size_t g = 0; g < first.size(); ++g) {
      const int count = shards[static_cast<std::size_t>(here.across(static_cast<int>(g)))].count;
      const std::int64_t end = first[g] + rows_for(here, stopping[g], experts, s, count);
      for (std::int64_t& row = first[g]; row < end; ++row, ++next) {
        at.by_slot.data<std::int64_t>()[next] = row;
        at.by_source.data<std::int64_t>()[row] = next;
        at.spread.data<std::int64_t>()[next] = token[static_cast<std::size_t>(row)];
      }
    }
  }
}

Counts numbers_within(const Neighbours& here, std::int64_t experts, const std::vector<ShardRange>& shards) {
  Counts numbers;
  for (int s = 0; s < here.slots; ++s) {
    const auto [begin, end] = here.experts_of_slot(experts, s);
    std::int64_t count = 0;
    for (int g = 0; g < here.supernodes; ++g) count += shards[static_cast<std::size_t>(here.across(g))].count;
    numbers.push_back((end - begin) * count);
  }
  return numbers;
}

}  // namespace wudao::moe
