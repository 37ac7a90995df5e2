// Rows between ranks of one node: who wants a row copies it from where the other has it, in the order of its own
// products. No messages, no passes in between.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"
#include "wudao/moe/exchange.h"

namespace wudao::moe {

// Where rows lie: in the room of which rank, and as which row of it.
struct Place {
  std::vector<int> rank;
  Counts row;
  void push(int r, std::int64_t n) {
    rank.push_back(r);
    row.push_back(n);
  }
};

struct Places {
  Place token;  // for each row of this rank's experts: the token that it is of
  Place sent;   // the same: the row among those that its rank sent
  Place made;   // for each row that this rank sent: that of the expert
};

namespace {

class InNode final : public Exchange {
 public:
  InNode(std::shared_ptr<comm::Communicator> comm, comm::Commons& commons)
      : Exchange(std::move(comm)), commons_(commons) {}

  Tensor room(Context&, const Shape& shape, DType dtype) override {
    std::int64_t size = 1;
    for (const std::int64_t n : shape) size *= n;
    return Tensor::borrow(commons_.room(static_cast<std::size_t>(size) * size_of(dtype)), shape, dtype, nullptr);
  }

  Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) override {
    count(plan.sent, x);
    return pull(ctx, x, plan.places->token);
  }

  Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) override {
    count(plan.sent, rows);
    return pull(ctx, rows, plan.places->sent);
  }

  Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) override {
    count(plan.received, rows);
    return pull(ctx, rows, plan.places->made);
  }

 protected:
  // Everybody's counts by (expert, shard) and the tokens of the rows that it sends.
  std::vector<Counts> counts(Context&, const Counts& mine, std::int64_t experts, const std::vector<ShardRange>& shards,
                             Plan& plan) override {
    const auto tokens = static_cast<std::size_t>(plan.token.dim(0));
    auto* const room = static_cast<std::int64_t*>(commons_.room((mine.size() + tokens) * sizeof(std::int64_t)));
    std::copy(mine.begin(), mine.end(), room);
    std::copy_n(plan.token.data<std::int64_t>(), tokens, room + mine.size());
    commons_.publish();
    auto places = std::make_shared<Places>();
    std::vector<Counts> by_source = place_mine(experts, shards, *places);
    place_made(experts, shards, *places);
    count_numbers(experts, shards);
    plan.places = std::move(places);
    return by_source;
  }

  std::vector<int> arrivals() const override {
    std::vector<int> ranks(static_cast<std::size_t>(comm().size()));
    std::iota(ranks.begin(), ranks.end(), 0);
    return ranks;
  }

 private:
  const std::int64_t* counts_of(int r) const { return static_cast<const std::int64_t*>(commons_.of(r)); }

  // The rows of this rank's experts, in their order; returns their counts by source.
  std::vector<Counts> place_mine(std::int64_t experts, const std::vector<ShardRange>& shards, Places& places) const {
    const auto [first, last] = experts_of(experts, comm().rank(), comm().size());
    std::vector<Counts> by_source;
    Counts next;  // row of each source, among those that it sends
    for (int r = 0; r < comm().size(); ++r) {
      const std::int64_t own = shards[static_cast<std::size_t>(r)].count;
      const std::int64_t* const all = counts_of(r);
      next.push_back(std::accumulate(all, all + first * own, std::int64_t{0}));
      by_source.emplace_back(all + first * own, all + last * own);
    }
    for (std::int64_t e = first; e < last; ++e) {
      for (int r = 0; r < comm().size(); ++r) {
        const std::int64_t own = shards[static_cast<std::size_t>(r)].count;
        const std::int64_t* const all = counts_of(r);
        const std::int64_t* const token = all + experts * own;
        std::int64_t& row = next[static_cast<std::size_t>(r)];
        const std::int64_t end = row + std::accumulate(all + e * own, all + (e + 1) * own, std::int64_t{0});
        for (; row < end; ++row) {
          places.token.push(r, token[row]);
          places.sent.push(r, row);
        }
      }
    }
    return by_source;
  }

  // The rows that this rank sends, by (expert, token), among those of their experts' ranks.
  void place_made(std::int64_t experts, const std::vector<ShardRange>& shards, Places& places) const {
    for (int owner = 0; owner < comm().size(); ++owner) {
      const auto [first, last] = experts_of(experts, owner, comm().size());
      std::int64_t row = 0;
      for (std::int64_t e = first; e < last; ++e) {
        for (int r = 0; r < comm().size(); ++r) {
          const std::int64_t own = shards[static_cast<std::size_t>(r)].count;
          const std::int64_t* const all = counts_of(r);
          const std::int64_t end = row + std::accumulate(all + e * own, all + (e + 1) * own, std::int64_t{0});
          if (r == comm().rank()) {
            while (row < end) places.made.push(owner, row++);
          }
          row = end;
        }
      }
    }
  }

  Tensor pull(Context& ctx, const Tensor& rows, const Place& place) {
    if (!commons_.is_room(rows.raw())) {
      void* const own = commons_.room(rows.bytes());
      if (rows.bytes() > 0) std::memcpy(own, rows.raw(), rows.bytes());
    }
    commons_.publish();
    const auto n = static_cast<std::int64_t>(place.row.size());
    const std::int64_t bytes = rows.dim(1) * static_cast<std::int64_t>(size_of(rows.dtype()));
    const auto* const base = static_cast<const char*>(commons_.of(0));
    Counts offsets;
    for (int r = 0; r < comm().size(); ++r) offsets.push_back(static_cast<const char*>(commons_.of(r)) - base);
    const Tensor index = ctx.empty({n}, DType::kInt64);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      index.data<std::int64_t>()[i] = offsets[static_cast<std::size_t>(place.rank[at])] + place.row[at] * bytes;
    }
    Tensor y = ctx.empty({n, rows.dim(1)}, rows.dtype());
    ctx.kernels->gather_rows({base, index.data<std::int64_t>(), y.raw(), y.dtype(), n, y.dim(1), ctx.pool.get(), 1});
    return y;
  }

  void count(const Counts& rows, const Tensor& like) const {
    const std::int64_t bytes = like.dim(1) * static_cast<std::int64_t>(size_of(like.dtype()));
    for (int r = 0; r < comm().size(); ++r) {
      const std::int64_t sent = rows[static_cast<std::size_t>(r)];
      if (r != comm().rank() && sent > 0) comm().count(r, sent * bytes);
    }
  }

  void count_numbers(std::int64_t experts, const std::vector<ShardRange>& shards) const {
    const std::int64_t own = shards[static_cast<std::size_t>(comm().rank())].count;
    for (int r = 0; r < comm().size(); ++r) {
      const auto [first, last] = experts_of(experts, r, comm().size());
      const std::int64_t numbers = (last - first) * own;
      if (r != comm().rank() && numbers > 0) {
        comm().count(r, numbers * static_cast<std::int64_t>(sizeof(std::int64_t)));
      }
    }
  }

  comm::Commons& commons_;
};

}  // namespace

std::unique_ptr<Exchange> make_in_node(std::shared_ptr<comm::Communicator> comm) {
  comm::Commons* const commons = comm->size() > 1 ? comm->commons() : nullptr;
  if (commons == nullptr) return nullptr;
  return std::make_unique<InNode>(std::move(comm), *commons);
}

}  // namespace wudao::moe
