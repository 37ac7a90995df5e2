// Rows by two levels: rank (g, s), slot s of supernode g, talks to slot s of every other supernode, and within its own
// supernode to every slot: S + G - 2 messages instead of N - 1. First across, then within, so that a token that several
// experts of one supernode want crosses once (as DeepEP and X-MoE have it); back within, then across.
//
// Within, rows are read in memory where the ranks of the supernode share some, and go by messages where they do not.
#include <algorithm>
#include <numeric>
#include <optional>

#include "wudao/base/error.h"
#include "wudao/moe/exchange.h"
#include "wudao/moe/shared_rows.h"
#include "wudao/moe/stopover.h"

namespace wudao::moe {
namespace {

class TwoLevel final : public Exchange {
 public:
  TwoLevel(std::shared_ptr<comm::Communicator> comm, int slots)
      : Exchange(std::move(comm)),
        here_{slots, Exchange::comm().size() / slots, Exchange::comm().rank() % slots, Exchange::comm().rank() / slots},
        near_(Exchange::comm().supernode(slots)) {
    comm::Commons* const commons = slots > 1 ? near_->commons() : nullptr;
    if (commons != nullptr) shared_.emplace(*commons, here_);
  }

  // Rows to scatter go across first: the room is for those that come.
  Tensor room(Context& ctx, const Shape& shape, DType dtype, Way way) override {
    return way == Way::kCollect ? stop(ctx, shape, dtype) : ctx.empty(shape, dtype);
  }

  Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) override {
    const Stopover& at = *plan.stopover;
    const Tensor tokens = stop(ctx, {sum(at.unique_received), x.dim(1)}, x.dtype());
    comm().all_to_all_v({gather_rows(ctx, x, at.unique), at.unique_sent}, {tokens, at.unique_received});
    return hand_out(ctx, plan, tokens, at.spread, &Places::token);
  }

  Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) override {
    const Stopover& at = *plan.stopover;
    const Tensor here = stop(ctx, {sum(at.across_received), rows.dim(1)}, rows.dtype());
    comm().all_to_all_v({rows, at.across_sent}, {here, at.across_received});
    return hand_out(ctx, plan, here, at.by_slot, &Places::sent);
  }

  Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) override {
    const Stopover& at = *plan.stopover;
    const Tensor sent = ctx.empty({sum(at.across_sent), rows.dim(1)}, rows.dtype());
    comm().all_to_all_v({bring_back(ctx, plan, rows), at.across_received}, {sent, at.across_sent});
    return sent;
  }

 protected:
  std::vector<Counts> counts(Context& ctx, const Counts& mine, std::int64_t experts,
                             const std::vector<ShardRange>& shards, Plan& plan) override {
    auto at = std::make_shared<Stopover>();
    const Counts index = pick_tokens(ctx, here_, plan, *at);
    const std::vector<Counts> stopping = counts_across(mine, experts, shards, *at);
    count_rows(here_, stopping, experts, shards, *at);
    const Counts token = tokens_across(index, *at);
    const std::vector<Counts> by_source = shared_ ? place(stopping, token, experts, shards, plan)
                                                  : counts_within(stopping, experts, shards);
    if (!shared_) lay_out(ctx, here_, stopping, token, experts, shards, *at);
    at->within_received.resize(static_cast<std::size_t>(here_.slots));
    for (int r = 0; r < comm().size(); ++r) {
      at->within_received[static_cast<std::size_t>(r % here_.slots)] += sum(by_source[static_cast<std::size_t>(r)]);
    }
    plan.stopover = std::move(at);
    return by_source;
  }

  // Rows come slot by slot of this supernode, each with those of the sources that share its slot.
  std::vector<int> arrivals() const override {
    std::vector<int> ranks;
    for (int s = 0; s < here_.slots; ++s) {
      for (int g = 0; g < here_.supernodes; ++g) ranks.push_back(here_.rank(g, s));
    }
    return ranks;
  }

 private:
  Counts none() const { return Counts(static_cast<std::size_t>(comm().size())); }

  // Where rows arrive that are about to be handed out, or are made that are about to be brought back.
  Tensor stop(Context& ctx, const Shape& shape, DType dtype) {
    return shared_ ? shared_->room(shape, dtype) : ctx.empty(shape, dtype);
  }

  // Rows that stop over here, to the slots whose experts want them: by messages rows[index], else those at `place`.
  Tensor hand_out(Context& ctx, const Plan& plan, const Tensor& rows, const Tensor& index, Place Places::* place) {
    const Stopover& at = *plan.stopover;
    count_within(at.within_sent, rows.dim(1) * static_cast<std::int64_t>(size_of(rows.dtype())));
    if (shared_) return shared_->pull(ctx, rows, (*plan.places).*place);
    const Tensor got = ctx.empty({plan.rows(), rows.dim(1)}, rows.dtype());
    near_->all_to_all_v({gather_rows(ctx, rows, index), at.within_sent}, {got, at.within_received});
    return gather_rows(ctx, got, plan.order);
  }

  // Rows that this rank's experts made, to where they stopped over.
  Tensor bring_back(Context& ctx, const Plan& plan, const Tensor& rows) {
    const Stopover& at = *plan.stopover;
    count_within(at.within_received, rows.dim(1) * static_cast<std::int64_t>(size_of(rows.dtype())));
    if (shared_) return shared_->pull(ctx, rows, plan.places->made);
    const Tensor here = ctx.empty({sum(at.within_sent), rows.dim(1)}, rows.dtype());
    near_->all_to_all_v({gather_rows(ctx, rows, plan.back), at.within_received}, {here, at.within_sent});
    return gather_rows(ctx, here, at.by_source);
  }

  // Whichever way they go.
  void count_within(const Counts& sent, std::int64_t bytes) const {
    for (int s = 0; s < here_.slots; ++s) {
      const std::int64_t n = sent[static_cast<std::size_t>(s)];
      if (s != here_.slot && n > 0) comm().count(here_.rank(here_.supernode, s), n * bytes);
    }
  }

  // Counts by (expert of this supernode, shard) from slot s of every supernode, and how many tokens they are of.
  std::vector<Counts> counts_across(const Counts& mine, std::int64_t experts, const std::vector<ShardRange>& shards,
                                    Stopover& at) const {
    const std::int64_t own = shards[static_cast<std::size_t>(comm().rank())].count;
    const auto [first, last] = here_.experts_here(experts);
    Counts numbers, send = none(), receive = none();
    for (int g = 0; g < here_.supernodes; ++g) {
      const auto [begin, end] = here_.experts_of_supernode(experts, g);
      const auto to = static_cast<std::size_t>(here_.across(g));
      numbers.insert(numbers.end(), mine.begin() + begin * own, mine.begin() + end * own);
      numbers.push_back(at.unique_sent[to]);
      send[to] = (end - begin) * own + 1;
      receive[to] = (last - first) * shards[to].count + 1;
    }
    const Counts found = exchange_numbers(comm(), numbers, send, receive);
    std::vector<Counts> by_supernode;
    at.unique_received = none();
    auto from = found.begin();
    for (int g = 0; g < here_.supernodes; ++g) {
      const auto source = static_cast<std::size_t>(here_.across(g));
      by_supernode.emplace_back(from, from + receive[source] - 1);
      from += receive[source];
      at.unique_received[source] = *(from - 1);
    }
    return by_supernode;
  }

  // Learns of every row that stops over which of the tokens received it is of.
  Counts tokens_across(const Counts& index, const Stopover& at) const {
    Counts token = exchange_numbers(comm(), index, at.across_sent, at.across_received);
    std::int64_t first = 0;
    auto row = token.begin();
    for (int g = 0; g < here_.supernodes; ++g) {
      const auto source = static_cast<std::size_t>(here_.across(g));
      for (std::int64_t i = 0; i < at.across_received[source]; ++i) *row++ += first;
      first += at.unique_received[source];
    }
    return token;
  }

  std::vector<Counts> place(const std::vector<Counts>& stopping, const Counts& token, std::int64_t experts,
                            const std::vector<ShardRange>& shards, Plan& plan) {
    auto places = std::make_shared<Places>();
    std::vector<Counts> by_source = shared_->place(stopping, token.data(), experts, shards, *places);
    count_within(numbers_within(here_, experts, shards), sizeof(std::int64_t));
    plan.places = std::move(places);
    return by_source;
  }

  // Passes the counts on to the slots that they are for: by (local expert, shard) of every rank.
  std::vector<Counts> counts_within(const std::vector<Counts>& stopping, std::int64_t experts,
                                    const std::vector<ShardRange>& shards) const {
    const std::int64_t base = here_.experts_here(experts).first;
    const auto [first, last] = here_.experts_of_slot(experts, here_.slot);
    Counts numbers, receive(static_cast<std::size_t>(here_.slots));
    for (int s = 0; s < here_.slots; ++s) {
      const auto [begin, end] = here_.experts_of_slot(experts, s);
      for (int g = 0; g < here_.supernodes; ++g) {
        const Counts& from = stopping[static_cast<std::size_t>(g)];
        const std::int64_t count = shards[static_cast<std::size_t>(here_.across(g))].count;
        numbers.insert(numbers.end(), from.begin() + (begin - base) * count, from.begin() + (end - base) * count);
        receive[static_cast<std::size_t>(s)] +=
            (last - first) * shards[static_cast<std::size_t>(here_.rank(g, s))].count;
      }
    }
    const Counts send = numbers_within(here_, experts, shards);
    count_within(send, sizeof(std::int64_t));
    const Counts found = exchange_numbers(*near_, numbers, send, receive);
    std::vector<Counts> by_source(static_cast<std::size_t>(comm().size()));
    auto from = found.begin();
    for (const int source : arrivals()) {
      const std::int64_t count = (last - first) * shards[static_cast<std::size_t>(source)].count;
      by_source[static_cast<std::size_t>(source)].assign(from, from + count);
      from += count;
    }
    return by_source;
  }

  Neighbours here_;
  std::shared_ptr<comm::Communicator> near_;  // the slots of this supernode
  std::optional<SharedRows> shared_;          // their memory, if they have some
};

}  // namespace

std::unique_ptr<Exchange> make_two_level(std::shared_ptr<comm::Communicator> comm, int supernode) {
  const int slots = supernode == 0 ? comm->size() : supernode;
  if (comm->size() % slots != 0) {
    fail<ConfigError>("MoEConfig", "supernode_size", text("a divisor of the ", comm->size(), " ranks"),
                      text(supernode));
  }
  return std::make_unique<TwoLevel>(std::move(comm), slots);
}

}  // namespace wudao::moe
