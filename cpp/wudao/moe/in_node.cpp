// Rows between ranks that are all on one node, in memory that they share.
#include <numeric>

#include "wudao/moe/exchange.h"
#include "wudao/moe/shared_rows.h"

namespace wudao::moe {
namespace {

class InNode final : public Exchange {
 public:
  InNode(std::shared_ptr<comm::Communicator> comm, comm::Commons& commons)
      : Exchange(std::move(comm)), rows_(commons, {Exchange::comm().size(), 1, Exchange::comm().rank(), 0}) {}

  Tensor room(Context&, const Shape& shape, DType dtype, Way) override { return rows_.room(shape, dtype); }

  Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) override {
    count(plan.sent, x);
    return rows_.pull(ctx, x, plan.places->token);
  }

  Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) override {
    count(plan.sent, rows);
    return rows_.pull(ctx, rows, plan.places->sent);
  }

  Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) override {
    count(plan.received, rows);
    return rows_.pull(ctx, rows, plan.places->made);
  }

 protected:
  // Everybody's counts by (expert, shard) and the tokens of the rows that it sends.
  std::vector<Counts> counts(Context&, const Counts& mine, std::int64_t experts, const std::vector<ShardRange>& shards,
                             Plan& plan) override {
    auto places = std::make_shared<Places>();
    std::vector<Counts> by_source =
        rows_.place({mine}, plan.token.data<std::int64_t>(), experts, shards, *places);
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

  SharedRows rows_;
};

}  // namespace

std::unique_ptr<Exchange> make_in_node(std::shared_ptr<comm::Communicator> comm) {
  comm::Commons* const commons = comm->size() > 1 ? comm->commons() : nullptr;
  if (commons == nullptr) return nullptr;
  return std::make_unique<InNode>(std::move(comm), *commons);
}

}  // namespace wudao::moe
