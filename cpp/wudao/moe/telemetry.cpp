#include "wudao/moe/telemetry.h"

#include <algorithm>

#include "wudao/moe/gate/losses.h"
#include "wudao/moe/gate/sums.h"

namespace wudao::moe {
namespace {

void add_counts(std::vector<std::int64_t>& into, const Tensor& from) {
  into.resize(static_cast<std::size_t>(from.size()));
  for (std::int64_t e = 0; e < from.size(); ++e) into[static_cast<std::size_t>(e)] += from.data<std::int64_t>()[e];
}

void add_sums(std::vector<ExactSum>& into, const std::vector<ExactSum>& from) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    into[i].whole += from[i].whole;
    into[i].fraction += from[i].fraction;
  }
}

// Parts of the same group.
void add_group(GroupSums& into, const GroupSums& from) {
  for (std::size_t e = 0; e < from.chosen.size(); ++e) {
    into.chosen[e] += from.chosen[e];
    into.chosen_first[e] += from.chosen_first[e];
  }
  add_sums(into.probability, from.probability);
  add_sums(into.importance, from.importance);
  add_sums(into.load, from.load);
  add_sums(into.z, from.z);
}

}  // namespace

void Telemetry::add(const Routing& routing) {
  add_counts(counts, routing.counts);
  add_counts(dropped, routing.dropped);
  if (losses.empty()) {
    losses = routing.losses;
    batch = routing.all;
    return;
  }
  for (std::size_t i = 0; i < routing.losses.size(); ++i) losses[i].second += routing.losses[i].second;
  add_group(batch, routing.all);
}

void Telemetry::share(Context& ctx, const Gate& gate, comm::Communicator& world) {
  const auto experts = static_cast<std::int64_t>(counts.size());
  const auto terms = static_cast<std::int64_t>(losses.size());
  const Tensor both = ctx.empty({2, experts}, DType::kInt64), values = ctx.empty({terms}, DType::kFloat64);
  std::copy(counts.begin(), counts.end(), both.data<std::int64_t>());
  std::copy(dropped.begin(), dropped.end(), both.data<std::int64_t>() + experts);
  for (std::int64_t i = 0; i < terms; ++i) values.data<double>()[i] = losses[static_cast<std::size_t>(i)].second;
  world.all_reduce(ctx, both, comm::Reduce::kSum);
  world.all_reduce(ctx, values, comm::Reduce::kSum);
  std::copy_n(both.data<std::int64_t>(), experts, counts.begin());
  std::copy_n(both.data<std::int64_t>() + experts, experts, dropped.begin());
  batch = reduce(ctx, batch, world);
  for (std::int64_t i = 0; i < terms; ++i) {
    auto& [name, value] = losses[static_cast<std::size_t>(i)];
    value = name == "global_batch" ? switch_loss(gate, batch) : values.data<double>()[i];
  }
}

}  // namespace wudao::moe
