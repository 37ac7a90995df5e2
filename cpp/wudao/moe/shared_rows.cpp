#include "wudao/moe/shared_rows.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"

namespace wudao::moe {
namespace {

// The rows of one rank, in the room of the slot that it shares.
struct Source {
  int slot;
  const std::int64_t* counts;  // by (expert here, shard)
  std::int64_t shards, first;  // the first row in the room
  const std::int64_t* token;   // of the rows of the room

  std::int64_t rows(std::int64_t begin, std::int64_t end) const {  // of experts here
    return std::accumulate(counts + begin * shards, counts + end * shards, std::int64_t{0});
  }
};

// By rank.
std::vector<Source> sources_in(const comm::Commons& commons, const Neighbours& here, std::int64_t experts,
                               const std::vector<ShardRange>& shards) {
  std::vector<Source> sources(static_cast<std::size_t>(here.ranks()));
  for (int s = 0; s < here.slots; ++s) {
    const auto* at = static_cast<const std::int64_t*>(commons.of(s));
    std::int64_t row = 0;
    for (int g = 0; g < here.supernodes; ++g) {
      const auto r = static_cast<std::size_t>(here.rank(g, s));
      sources[r] = {s, at, shards[r].count, row, nullptr};
      row += sources[r].rows(0, experts);
      at += experts * shards[r].count;
    }
    for (int g = 0; g < here.supernodes; ++g) sources[static_cast<std::size_t>(here.rank(g, s))].token = at;
  }
  return sources;
}

// The rows of experts [first, last) of those here, this rank's, in their order.
void place_mine(const std::vector<Source>& sources, std::int64_t first, std::int64_t last, Places& places) {
  Counts next;
  for (const Source& source : sources) next.push_back(source.first + source.rows(0, first));
  for (std::int64_t e = first; e < last; ++e) {
    for (std::size_t r = 0; r < sources.size(); ++r) {
      const Source& source = sources[r];
      const std::int64_t end = next[r] + source.rows(e, e + 1);
      for (; next[r] < end; ++next[r]) {
        places.token.push(source.slot, source.token[next[r]]);
        places.sent.push(source.slot, next[r]);
      }
    }
  }
}

// The rows of this rank's room, among those of their experts' slots.
void place_made(const std::vector<Source>& sources, const Neighbours& here, std::int64_t experts, Places& places) {
  const auto [base, end] = here.experts_here(experts);
  Counts next;
  std::size_t rows = 0;
  for (const Source& source : sources) {
    next.push_back(source.first);
    if (source.slot == here.slot) rows += static_cast<std::size_t>(source.rows(0, end - base));
  }
  places.made = {std::vector<int>(rows), Counts(rows)};
  for (int owner = 0; owner < here.slots; ++owner) {
    const auto [first, last] = here.experts_of_slot(experts, owner);
    std::int64_t row = 0;
    for (std::int64_t e = first - base; e < last - base; ++e) {
      for (std::size_t r = 0; r < sources.size(); ++r) {
        const std::int64_t count = sources[r].rows(e, e + 1);
        for (std::int64_t i = 0; sources[r].slot == here.slot && i < count; ++i, ++next[r]) {
          places.made.slot[static_cast<std::size_t>(next[r])] = owner;
          places.made.row[static_cast<std::size_t>(next[r])] = row + i;
        }
        row += count;
      }
    }
  }
}

}  // namespace

Tensor SharedRows::room(const Shape& shape, DType dtype) {
  std::int64_t size = 1;
  for (const std::int64_t n : shape) size *= n;
  return Tensor::borrow(commons_.room(static_cast<std::size_t>(size) * size_of(dtype)), shape, dtype, nullptr);
}

std::vector<Counts> SharedRows::place(const std::vector<Counts>& counts, const std::int64_t* token,
                                      std::int64_t experts, const std::vector<ShardRange>& shards, Places& places) {
  std::size_t numbers = 0, rows = 0;
  for (const Counts& each : counts) {
    numbers += each.size();
    rows += static_cast<std::size_t>(std::accumulate(each.begin(), each.end(), std::int64_t{0}));
  }
  auto* to = static_cast<std::int64_t*>(commons_.room((numbers + rows) * sizeof(std::int64_t)));
  for (const Counts& each : counts) to = std::copy(each.begin(), each.end(), to);
  std::copy_n(token, rows, to);
  commons_.publish();
  const auto [base, end] = here_.experts_here(experts);
  const auto [first, last] = here_.experts_of_slot(experts, here_.slot);
  const std::vector<Source> sources = sources_in(commons_, here_, end - base, shards);
  place_mine(sources, first - base, last - base, places);
  place_made(sources, here_, experts, places);
  std::vector<Counts> by_source;
  for (const Source& source : sources) {
    by_source.emplace_back(source.counts + (first - base) * source.shards,
                           source.counts + (last - base) * source.shards);
  }
  return by_source;
}

Tensor SharedRows::pull(Context& ctx, const Tensor& rows, const Place& place) {
  if (!commons_.is_room(rows.raw())) {
    void* const own = commons_.room(rows.bytes());
    if (rows.bytes() > 0) std::memcpy(own, rows.raw(), rows.bytes());
  }
  commons_.publish();
  const auto n = static_cast<std::int64_t>(place.row.size());
  const std::int64_t bytes = rows.dim(1) * static_cast<std::int64_t>(size_of(rows.dtype()));
  const auto* const base = static_cast<const char*>(commons_.of(0));
  Counts offsets;
  for (int s = 0; s < here_.slots; ++s) offsets.push_back(static_cast<const char*>(commons_.of(s)) - base);
  const Tensor index = ctx.empty({n}, DType::kInt64);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    index.data<std::int64_t>()[i] = offsets[static_cast<std::size_t>(place.slot[at])] + place.row[at] * bytes;
  }
  Tensor y = ctx.empty({n, rows.dim(1)}, rows.dtype());
  ctx.kernels->gather_rows({base, index.data<std::int64_t>(), y.raw(), y.dtype(), n, y.dim(1), ctx.pool.get(), 1});
  return y;
}

}  // namespace wudao::moe
