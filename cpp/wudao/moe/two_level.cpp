// Rows by two levels: rank (g, s), slot s of supernode g, talks to slot s of every other supernode, and within its own
// supernode to every slot: S + G - 2 messages instead of N - 1. First across, then within, so that a token that several
// experts of one supernode want crosses once (as DeepEP and X-MoE have it); back within, then across.
#include <algorithm>
#include <numeric>

#include "wudao/base/error.h"
#include "wudao/moe/exchange.h"

namespace wudao::moe {

// What a rank does with rows that stop over on their way: they come from slot s of every supernode, for all slots of
// this one.
struct Stopover {
  Tensor unique;                        // (tokens that go across,) int64: by supernode, ascending
  Counts unique_sent, unique_received;  // by rank
  Counts across_sent, across_received;  // rows, by rank
  Counts within_sent, within_received;  // by rank
  Tensor spread;                        // (rows that stop over,) int64: which of the tokens received a row is of
  Tensor by_slot, by_source;            // the same rows from the order (source, slot) to (slot, source), and back
};

namespace {

class TwoLevel final : public Exchange {
 public:
  TwoLevel(std::shared_ptr<comm::Communicator> comm, int slots)
      : Exchange(std::move(comm)), slots_(slots), supernodes_(Exchange::comm().size() / slots) {}

  Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) override {
    const Stopover& at = *plan.stopover;
    const Tensor tokens = send(ctx, gather_rows(ctx, x, at.unique), at.unique_sent, at.unique_received);
    return into_order(ctx, plan, send(ctx, gather_rows(ctx, tokens, at.spread), at.within_sent, at.within_received));
  }

  Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) override {
    const Stopover& at = *plan.stopover;
    const Tensor here = gather_rows(ctx, send(ctx, rows, at.across_sent, at.across_received), at.by_slot);
    return into_order(ctx, plan, send(ctx, here, at.within_sent, at.within_received));
  }

  Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) override {
    const Stopover& at = *plan.stopover;
    const Tensor here = send(ctx, gather_rows(ctx, rows, plan.back), at.within_received, at.within_sent);
    return send(ctx, gather_rows(ctx, here, at.by_source), at.across_received, at.across_sent);
  }

 protected:
  std::vector<Counts> counts(Context& ctx, const Counts& mine, std::int64_t experts,
                             const std::vector<ShardRange>& shards, Plan& plan) override {
    auto at = std::make_shared<Stopover>();
    const Counts index = pick_tokens(ctx, plan, *at);
    const std::vector<Counts> stopping = counts_across(mine, experts, shards, *at);
    lay_out(ctx, stopping, experts, shards, *at);
    spread_tokens(ctx, index, *at);
    std::vector<Counts> by_source = counts_within(stopping, experts, shards);
    fill_received(by_source, *at);
    plan.stopover = std::move(at);
    return by_source;
  }

  // Rows come slot by slot of this supernode, each with those of the sources that share its slot.
  std::vector<int> arrivals() const override {
    std::vector<int> ranks;
    for (int s = 0; s < slots_; ++s) {
      for (int g = 0; g < supernodes_; ++g) ranks.push_back(g * slots_ + s);
    }
    return ranks;
  }

 private:
  int slot() const { return comm().rank() % slots_; }
  int supernode() const { return comm().rank() / slots_; }
  int across(int g) const { return g * slots_ + slot(); }       // the rank of my slot in supernode g
  int within(int s) const { return supernode() * slots_ + s; }  // the rank of slot s in mine
  Counts none() const { return Counts(static_cast<std::size_t>(comm().size())); }

  std::pair<std::int64_t, std::int64_t> experts_of_supernode(std::int64_t experts, int g) const {
    return {experts_of(experts, g * slots_, comm().size()).first,
            experts_of(experts, (g + 1) * slots_ - 1, comm().size()).second};
  }

  Tensor send(Context& ctx, const Tensor& rows, const Counts& sent, const Counts& received) {
    const Tensor got =
        ctx.empty({std::accumulate(received.begin(), received.end(), std::int64_t{0}), rows.dim(1)}, rows.dtype());
    comm().all_to_all_v({rows, sent}, {got, received});
    return got;
  }

  static Tensor into_order(Context& ctx, const Plan& plan, const Tensor& rows) {
    return gather_rows(ctx, rows, plan.order);
  }

  // The different tokens that each supernode wants; returns for each row sent which of its supernode's tokens it is of.
  Counts pick_tokens(Context& ctx, const Plan& plan, Stopover& at) const {
    const auto* token = plan.token.data<std::int64_t>();
    at.unique_sent = at.across_sent = none();
    Counts unique, index;
    for (int g = 0; g < supernodes_; ++g) {
      std::int64_t rows = 0;
      for (int s = 0; s < slots_; ++s) rows += plan.sent[static_cast<std::size_t>(g * slots_ + s)];
      Counts own(token, token + rows);
      std::sort(own.begin(), own.end());
      own.erase(std::unique(own.begin(), own.end()), own.end());
      for (std::int64_t i = 0; i < rows; ++i) {
        index.push_back(std::lower_bound(own.begin(), own.end(), token[i]) - own.begin());
      }
      unique.insert(unique.end(), own.begin(), own.end());
      at.unique_sent[static_cast<std::size_t>(across(g))] = static_cast<std::int64_t>(own.size());
      at.across_sent[static_cast<std::size_t>(across(g))] = rows;
      token += rows;
    }
    at.unique = ctx.empty({static_cast<std::int64_t>(unique.size())}, DType::kInt64);
    std::copy(unique.begin(), unique.end(), at.unique.data<std::int64_t>());
    return index;
  }

  // Counts by (expert of this supernode, shard) from slot s of every supernode, and how many tokens they are of.
  std::vector<Counts> counts_across(const Counts& mine, std::int64_t experts, const std::vector<ShardRange>& shards,
                                    Stopover& at) const {
    const std::int64_t own = shards[static_cast<std::size_t>(comm().rank())].count;
    const auto [first, last] = experts_of_supernode(experts, supernode());
    Counts numbers, send = none(), receive = none();
    for (int g = 0; g < supernodes_; ++g) {
      const auto [begin, end] = experts_of_supernode(experts, g);
      const auto to = static_cast<std::size_t>(across(g));
      numbers.insert(numbers.end(), mine.begin() + begin * own, mine.begin() + end * own);
      numbers.push_back(at.unique_sent[to]);
      send[to] = (end - begin) * own + 1;
      receive[to] = (last - first) * shards[to].count + 1;
    }
    const Counts found = exchange_numbers(comm(), numbers, send, receive);
    std::vector<Counts> by_supernode;
    at.unique_received = none();
    auto from = found.begin();
    for (int g = 0; g < supernodes_; ++g) {
      const auto source = static_cast<std::size_t>(across(g));
      by_supernode.emplace_back(from, from + receive[source] - 1);
      from += receive[source];
      at.unique_received[source] = *(from - 1);
    }
    return by_supernode;
  }

  // Rows from (g, my slot) for slot s of this supernode.
  std::int64_t rows_for(const Counts& counts, std::int64_t experts, int s, int shards) const {
    const std::int64_t base = experts_of_supernode(experts, supernode()).first;
    const auto [begin, end] = experts_of(experts, within(s), comm().size());
    return std::accumulate(counts.begin() + (begin - base) * shards, counts.begin() + (end - base) * shards,
                           std::int64_t{0});
  }

  // Where rows that stop over lie when they come, by (source, slot), and when they go on, by (slot, source).
  void lay_out(Context& ctx, const std::vector<Counts>& stopping, std::int64_t experts,
               const std::vector<ShardRange>& shards, Stopover& at) const {
    at.across_received = at.within_sent = none();
    std::vector<Counts> begin(static_cast<std::size_t>(supernodes_));  // of (source, slot), and the end
    std::int64_t total = 0;
    for (int g = 0; g < supernodes_; ++g) {
      const auto source = static_cast<std::size_t>(across(g));
      for (int s = 0; s < slots_; ++s) {
        const std::int64_t rows = rows_for(stopping[static_cast<std::size_t>(g)], experts, s, shards[source].count);
        begin[static_cast<std::size_t>(g)].push_back(total);
        at.across_received[source] += rows;
        at.within_sent[static_cast<std::size_t>(within(s))] += rows;
        total += rows;
      }
      begin[static_cast<std::size_t>(g)].push_back(total);
    }
    at.by_slot = ctx.empty({total}, DType::kInt64);
    at.by_source = ctx.empty({total}, DType::kInt64);
    std::int64_t next = 0;
    for (std::size_t s = 0; s < static_cast<std::size_t>(slots_); ++s) {
      for (const Counts& of_source : begin) {
        for (std::int64_t row = of_source[s]; row < of_source[s + 1]; ++row, ++next) {
          at.by_slot.data<std::int64_t>()[next] = row;
          at.by_source.data<std::int64_t>()[row] = next;
        }
      }
    }
  }

  // Learns of every row that stops over which of its source's tokens it is of.
  void spread_tokens(Context& ctx, const Counts& index, Stopover& at) const {
    Counts found = exchange_numbers(comm(), index, at.across_sent, at.across_received);
    std::int64_t row = 0, first = 0;
    for (int g = 0; g < supernodes_; ++g) {
      const auto source = static_cast<std::size_t>(across(g));
      for (std::int64_t i = 0; i < at.across_received[source]; ++i) found[static_cast<std::size_t>(row++)] += first;
      first += at.unique_received[source];
    }
    at.spread = ctx.empty(at.by_slot.shape(), DType::kInt64);
    for (std::int64_t n = 0; n < at.spread.size(); ++n) {
      at.spread.data<std::int64_t>()[n] = found[static_cast<std::size_t>(at.by_slot.data<std::int64_t>()[n])];
    }
  }

  // Passes the counts on to the slots that they are for: by (local expert, shard) of every rank.
  std::vector<Counts> counts_within(const std::vector<Counts>& stopping, std::int64_t experts,
                                    const std::vector<ShardRange>& shards) const {
    const std::int64_t base = experts_of_supernode(experts, supernode()).first;
    const auto [first, last] = experts_of(experts, comm().rank(), comm().size());
    Counts numbers, send = none(), receive = none();
    for (int s = 0; s < slots_; ++s) {
      const auto [begin, end] = experts_of(experts, within(s), comm().size());
      for (int g = 0; g < supernodes_; ++g) {
        const Counts& from = stopping[static_cast<std::size_t>(g)];
        const std::int64_t count = shards[static_cast<std::size_t>(across(g))].count;
        numbers.insert(numbers.end(), from.begin() + (begin - base) * count, from.begin() + (end - base) * count);
        send[static_cast<std::size_t>(within(s))] += (end - begin) * count;
        receive[static_cast<std::size_t>(within(s))] +=
            (last - first) * shards[static_cast<std::size_t>(g * slots_ + s)].count;
      }
    }
    const Counts found = exchange_numbers(comm(), numbers, send, receive);
    std::vector<Counts> by_source(static_cast<std::size_t>(comm().size()));
    auto from = found.begin();
    for (const int source : arrivals()) {
      const std::int64_t count = (last - first) * shards[static_cast<std::size_t>(source)].count;
      by_source[static_cast<std::size_t>(source)].assign(from, from + count);
      from += count;
    }
    return by_source;
  }

  void fill_received(const std::vector<Counts>& by_source, Stopover& at) const {
    at.within_received = none();
    for (int r = 0; r < comm().size(); ++r) {
      const Counts& counts = by_source[static_cast<std::size_t>(r)];
      at.within_received[static_cast<std::size_t>(within(r % slots_))] +=
          std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    }
  }

  int slots_, supernodes_;
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
