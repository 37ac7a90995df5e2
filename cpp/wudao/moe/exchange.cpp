#include "wudao/moe/exchange.h"

#include <numeric>

#include "wudao/base/error.h"
#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"

namespace wudao::moe {
namespace {

// Every rank sends to every other.
class Flat final : public Exchange {
 public:
  using Exchange::Exchange;

  Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) override {
    return scatter(ctx, plan, gather_rows(ctx, x, plan.token));
  }

  Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) override {
    if (comm().size() == 1) return rows;
    const Tensor received = ctx.empty({plan.rows(), rows.dim(1)}, rows.dtype());
    comm().all_to_all_v({rows, plan.sent}, {received, plan.received});
    return gather_rows(ctx, received, plan.order);
  }

  Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) override {
    if (comm().size() == 1) return rows;
    const Tensor sent = ctx.empty({plan.token.dim(0), rows.dim(1)}, rows.dtype());
    comm().all_to_all_v({gather_rows(ctx, rows, plan.back), plan.received}, {sent, plan.sent});
    return sent;
  }

 protected:
  std::vector<Counts> counts(Context&, const Counts& mine, std::int64_t experts, const std::vector<ShardRange>& shards,
                             Plan&) override {
    if (comm().size() == 1) return {mine};
    const std::int64_t own = shards[static_cast<std::size_t>(comm().rank())].count;
    const auto [first, last] = experts_of(experts, comm().rank(), comm().size());
    Counts send, receive;
    for (int r = 0; r < comm().size(); ++r) {
      const auto [begin, end] = experts_of(experts, r, comm().size());
      send.push_back((end - begin) * own);
      receive.push_back((last - first) * shards[static_cast<std::size_t>(r)].count);
    }
    const Counts found = exchange_numbers(comm(), mine, send, receive);
    std::vector<Counts> by_source;
    auto at = found.begin();
    for (const std::int64_t count : receive) {
      by_source.emplace_back(at, at + count);
      at += count;
    }
    return by_source;
  }

  std::vector<int> arrivals() const override {
    std::vector<int> ranks(static_cast<std::size_t>(comm().size()));
    std::iota(ranks.begin(), ranks.end(), 0);
    return ranks;
  }
};

}  // namespace

Plan Exchange::plan(Context& ctx, const Tensor& indices, std::int64_t experts, const std::vector<ShardRange>& shards) {
  const int own = shards.at(static_cast<std::size_t>(comm_->rank())).count;
  if ((own == 0 && indices.dim(0) > 0) || (own > 0 && indices.dim(0) % own != 0)) {
    fail<ShapeError>("moe", "tokens", text("equally many in each of ", own, " virtual shards"), text(indices.dim(0)));
  }
  Plan plan;
  plan.blocks = blocks_of(shards, ctx.observer != nullptr);
  for (const ShardRange& range : shards) plan.shards += range.count;
  const Counts mine = sort_choices(ctx, indices, experts, own, plan);
  for (int r = 0; r < comm_->size(); ++r) {
    const auto [begin, end] = experts_of(experts, r, comm_->size());
    plan.sent.push_back(std::accumulate(mine.begin() + begin * own, mine.begin() + end * own, std::int64_t{0}));
  }
  const std::vector<Counts> by_source = counts(ctx, mine, experts, shards, plan);
  const auto [first, last] = experts_of(experts, comm_->rank(), comm_->size());
  order_rows(ctx, by_source, arrivals(), last - first, shards, plan);
  return plan;
}

Tensor gather_rows(Context& ctx, const Tensor& x, const Tensor& index) {
  if (!index.defined()) return x;
  Tensor y = ctx.empty({index.dim(0), x.dim(1)}, x.dtype());
  ctx.kernels->gather_rows(
      {x.raw(), index.data<std::int64_t>(), y.raw(), x.dtype(), y.dim(0), y.dim(1), ctx.pool.get()});
  return y;
}

Counts exchange_numbers(comm::Communicator& comm, const Counts& numbers, const Counts& send, const Counts& receive) {
  Counts found(static_cast<std::size_t>(std::accumulate(receive.begin(), receive.end(), std::int64_t{0})));
  const auto borrow = [](const Counts& c) {
    auto* const data = const_cast<std::int64_t*>(c.data());
    return Tensor::borrow(data, {static_cast<std::int64_t>(c.size())}, DType::kInt64, nullptr);
  };
  comm.all_to_all_v({borrow(numbers), send}, {borrow(found), receive});
  return found;
}

std::unique_ptr<Exchange> make_exchange(std::shared_ptr<comm::Communicator> comm, const LayerConfig& config) {
  if (config.exchange == ExchangeKind::kTwoLevel) return make_two_level(std::move(comm), config.supernode);
  std::unique_ptr<Exchange> near = make_in_node(comm);
  return near != nullptr ? std::move(near) : std::make_unique<Flat>(std::move(comm));
}

}  // namespace wudao::moe
