// Rows to the ranks of their experts and back.
#pragma once

#include <memory>

#include "wudao/moe/config.h"
#include "wudao/moe/plan.h"

namespace wudao::moe {

// Where rows go next: to their experts, or back.
enum class Way { kScatter, kCollect };

class Exchange {
 public:
  explicit Exchange(std::shared_ptr<comm::Communicator> comm) : comm_(std::move(comm)) {}
  virtual ~Exchange() = default;

  // Learns from all ranks who sends what. `shards`: those at hand on every rank.
  Plan plan(Context& ctx, const Tensor& indices, std::int64_t experts, const std::vector<ShardRange>& shards);
  // Memory for rows that are going to be scattered or collected next, from which that is quickest.
  virtual Tensor room(Context& ctx, const Shape& shape, DType dtype, Way) { return ctx.empty(shape, dtype); }
  // x (T, hidden), a row for each token -> the rows that this rank's experts see, in the order of the plan.
  virtual Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) = 0;
  // The same of rows (sent, hidden) that are there already, one for each choice.
  virtual Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) = 0;
  // Rows that this rank's experts made -> (sent, hidden), in the order in which they were sent.
  virtual Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) = 0;

 protected:
  comm::Communicator& comm() const { return *comm_; }
  // Counts by (local expert, its shard) of every rank; `mine`: of this one by (expert, own shard).
  virtual std::vector<Counts> counts(Context& ctx, const Counts& mine, std::int64_t experts,
                                     const std::vector<ShardRange>& shards, Plan& plan) = 0;
  // The ranks in the order in which rows of theirs arrive.
  virtual std::vector<int> arrivals() const = 0;

 private:
  std::shared_ptr<comm::Communicator> comm_;
};

// `comm`: the ranks that share the experts.
std::unique_ptr<Exchange> make_exchange(std::shared_ptr<comm::Communicator> comm, const LayerConfig& config);
std::unique_ptr<Exchange> make_in_node(std::shared_ptr<comm::Communicator> comm);  // null: they share no memory
std::unique_ptr<Exchange> make_two_level(std::shared_ptr<comm::Communicator> comm, int supernode);

// y[n] = x[index[n]]; x itself where the index is undefined.
Tensor gather_rows(Context& ctx, const Tensor& x, const Tensor& index);

// Numbers to every rank and from every rank: send[r] of them to rank r, receive[r] from it.
Counts exchange_numbers(comm::Communicator& comm, const Counts& numbers, const Counts& send, const Counts& receive);

}  // namespace wudao::moe
