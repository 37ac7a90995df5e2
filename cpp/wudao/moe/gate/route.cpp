#include <algorithm>
#include <cmath>
#include <cstring>

#include "wudao/base/error.h"
#include "wudao/moe/gate/capacity.h"
#include "wudao/moe/gate/losses.h"
#include "wudao/moe/gate/sums.h"

namespace wudao::moe {
namespace {

void check_logits(const Tokens& tokens, const Gate& gate) {
  const Tensor& z = tokens.logits;
  if (z.rank() != 2) fail<ShapeError>("route", "logits", "(tokens, experts)", to_text(z.shape()));
  if (z.dtype() != DType::kFloat32 && z.dtype() != DType::kFloat64) {
    fail<DTypeError>("route", "logits", "float32 or float64", name_of(z.dtype()));
  }
  gate.check(z.dim(1));
  if (tokens.noise_logits.defined() && tokens.noise_logits.shape() != z.shape()) {
    fail<ShapeError>("route", "noise_logits", to_text(z.shape()), to_text(tokens.noise_logits.shape()));
  }
  if (tokens.bias.defined() && tokens.bias.shape() != Shape{z.dim(1)}) {
    fail<ShapeError>("route", "bias", to_text(Shape{z.dim(1)}), to_text(tokens.bias.shape()));
  }
}

// The first element, by token and expert, that no gate can work with: not a number, or +infinity. -1: none.
std::int64_t first_unusable(const Tensor& z) {
  const Rows rows(z);
  for (std::int64_t i = 0; i < z.size(); ++i) {
    const double value = rows(0, i);
    if (std::isnan(value) || value == HUGE_VAL) return i;
  }
  return -1;
}

// All ranks find the same one.
void check_numbers(Context& ctx, const Tokens& tokens, comm::Communicator* comm) {
  constexpr std::int64_t kNone = INT64_MAX;
  const std::int64_t experts = tokens.logits.dim(1), own = first_unusable(tokens.logits);
  std::int64_t found = own < 0 ? kNone : tokens.first * experts + own;
  if (comm != nullptr) {
    comm->all_reduce(ctx, Tensor::borrow(&found, {1}, DType::kInt64, nullptr), comm::Reduce::kMin);
  }
  if (found == kNone) return;
  fail<ConfigError>("route", "logits", "finite numbers (or -infinity, for an expert that may not be chosen)",
                    text("another at token ", found / experts, ", expert ", found % experts),
                    "The model has diverged, or the input has such values.");
}

std::int64_t group_size(const char* argument, std::int64_t total, std::int64_t parts) {
  if (total % parts == 0) return total / parts;
  fail<ConfigError>("route", argument, text("a divisor of the ", total, " tokens"), text(parts));
}

bool whole_groups(Context& ctx, const Tokens& tokens, std::int64_t size, comm::Communicator* comm) {
  std::int64_t split = size > 0 && (tokens.first % size != 0 || tokens.logits.dim(0) % size != 0) ? 1 : 0;
  if (comm != nullptr) {
    comm->all_reduce(ctx, Tensor::borrow(&split, {1}, DType::kInt64, nullptr), comm::Reduce::kMax);
  }
  return split == 0;
}

// The rows of all ranks.
Tensor gather(Context& ctx, const Tensor& mine, std::int64_t total, comm::Communicator& comm) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  const std::int64_t rows = mine.dim(0);
  Tensor copies = ctx.empty({rows * comm.size(), mine.dim(1)}, mine.dtype());
  for (int r = 0; r < comm.size() && rows > 0; ++r) {
    std::memcpy(copies.rows(r * rows, rows).raw(), mine.raw(), mine.bytes());
  }
  std::int64_t own = rows;
  const Tensor all_rows = ctx.empty({comm.size()}, DType::kInt64);
  comm.all_gather(Tensor::borrow(&own, {1}, DType::kInt64, nullptr), all_rows);
  const auto* counts = all_rows.data<std::int64_t>();
  Tensor all = ctx.empty({total, mine.dim(1)}, mine.dtype());
  comm.all_to_all_v({copies, std::vector<std::int64_t>(ranks, rows)},
                    {all, std::vector<std::int64_t>(counts, counts + ranks)});
  return all;
}

// What Drop::kProbability goes by: p of the choices, or the shares where noise or sigmoids chose.
Tensor priorities(Context& ctx, const Gate& gate, const Tokens& tokens, const Routing& routing) {
  const Scores scores(gate, tokens);
  const Tensor priority = ctx.empty(routing.chosen.shape(), DType::kFloat64);
  for_tokens(ctx, routing.chosen.dim(0), [&](std::int64_t t) {
    for (std::int64_t i = t * gate.k; i < (t + 1) * gate.k; ++i) {
      const std::int32_t e = routing.chosen.data<std::int32_t>()[i];
      priority.data<double>()[i] = e < 0 ? 0.0 : scores.probability(t, e, routing.lse.data<double>()[t]);
    }
  });
  return priority;
}

void let_go(Context& ctx, const Gate& gate, const Tokens& tokens, std::int64_t size, comm::Communicator* comm,
            Routing& routing) {
  const std::int64_t experts = tokens.logits.dim(1), rows = routing.chosen.dim(0);
  routing.indices = ctx.empty(routing.chosen.shape(), DType::kInt32);
  if (gate.capacity_factor == 0.0 || whole_groups(ctx, tokens, size, comm)) {
    return drop(gate, size, experts, routing.chosen, priorities(ctx, gate, tokens, routing), routing.indices);
  }
  if (comm == nullptr) {
    fail<ConfigError>("route", "groups", "whole groups in every micro-batch of a rank",
                      text("groups of ", size, " tokens"), "Use more groups, larger micro-batches or fewer ranks.");
  }
  const Tensor chosen = gather(ctx, routing.chosen, tokens.total, *comm);
  const Tensor kept = ctx.empty(chosen.shape(), DType::kInt32);
  drop(gate, size, experts, chosen, gather(ctx, priorities(ctx, gate, tokens, routing), tokens.total, *comm), kept);
  if (rows > 0) std::memcpy(routing.indices.raw(), kept.rows(tokens.first, rows).raw(), routing.indices.bytes());
}

void weigh_and_count(Context& ctx, const Tokens& tokens, comm::Communicator* comm, Routing& routing) {
  const std::int64_t experts = tokens.logits.dim(1);
  routing.weights = ctx.empty(routing.chosen.shape(), tokens.logits.dtype());
  const Tensor both = ctx.zeros({2, experts}, DType::kInt64);
  routing.counts = both.rows(0, 1).reshape({experts});
  routing.dropped = both.rows(1, 1).reshape({experts});
  for (std::int64_t i = 0; i < routing.chosen.size(); ++i) {
    const std::int32_t wanted = routing.chosen.data<std::int32_t>()[i], kept = routing.indices.data<std::int32_t>()[i];
    store(routing.weights, i, kept < 0 ? 0.0 : routing.shares.data<double>()[i]);
    if (wanted >= 0) ++(kept < 0 ? routing.dropped : routing.counts).data<std::int64_t>()[wanted];
  }
  if (comm != nullptr) comm->all_reduce(ctx, both, comm::Reduce::kSum);
}

void name_losses(const Gate& gate, Routing& routing) {
  auto& losses = routing.losses;
  losses.emplace_back("switch", switch_loss(gate, routing.sums));
  losses.emplace_back("gshard", gshard_loss(routing.sums));
  losses.emplace_back("importance", importance_loss(routing.sums));
  if (gate.kind == GateKind::kNoisy && gate.train) losses.emplace_back("load", load_loss(routing.sums));
  losses.emplace_back("z", z_loss(routing.all));
  if (gate.sequence_length > 0) losses.emplace_back("sequence", switch_loss(gate, routing.sequences));
  losses.emplace_back("global_batch", switch_loss(gate, routing.all));
}

GroupSums summed(Context& ctx, const Gate& gate, const Tokens& tokens, const Routing& routing, std::int64_t size,
                 comm::Communicator* comm) {
  GroupSums sums = sum_groups(ctx, gate, tokens, routing, size);
  return comm == nullptr ? sums : reduce(ctx, sums, *comm);
}

}  // namespace

void place(Context& ctx, std::int64_t rows, comm::Communicator& comm, Tokens& tokens) {
  const Tensor mine = ctx.empty({1}, DType::kInt64), all = ctx.empty({comm.size()}, DType::kInt64);
  mine.data<std::int64_t>()[0] = rows;
  comm.all_gather(mine, all);
  tokens.first = tokens.total = 0;
  for (int r = 0; r < comm.size(); ++r) {
    if (r < comm.rank()) tokens.first += all.data<std::int64_t>()[r];
    tokens.total += all.data<std::int64_t>()[r];
  }
}

void Gate::check(std::int64_t experts) const {
  const auto whole = [](const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) {
      fail<ConfigError>("route", name, text("a whole number from ", low, " to ", high), text(value));
    }
  };
  whole("experts", experts, 1, std::int64_t{1} << 24);
  whole("k", k, 1, experts);
  whole("groups", groups, 0, std::int64_t{1} << 30);
  whole("min_capacity", min_capacity, 0, std::int64_t{1} << 30);
  whole("sequence_length", sequence_length, 0, std::int64_t{1} << 30);
  if (!(capacity_factor >= 0.0 && capacity_factor <= 1e9)) {
    fail<ConfigError>("route", "capacity_factor", "a number above 0, or none for no limit", text(capacity_factor));
  }
  if (kind == GateKind::kSwitch) whole("k", k, 1, 1);
  if (kind == GateKind::kGShard) whole("k", k, 2, 2);
  if (kind != GateKind::kGroupLimited) return;
  whole("expert_groups", expert_groups, 1, experts);
  whole("topk_groups", topk_groups, 1, expert_groups);
  if (experts % expert_groups != 0) {
    fail<ConfigError>("route", "expert_groups", text("a divisor of ", experts, " experts"), text(expert_groups));
  }
  whole("k", k, 1, experts / expert_groups * topk_groups);
}

Routing route(Context& ctx, const Gate& gate, Tokens& tokens, comm::Communicator* comm) {
  check_logits(tokens, gate);
  if (comm != nullptr) place(ctx, tokens.logits.dim(0), *comm, tokens);
  check_numbers(ctx, tokens, comm);
  const std::int64_t size = group_size("groups", tokens.total, gate.groups);
  if (gate.sequence_length > 0 && tokens.total % gate.sequence_length != 0) {
    fail<ConfigError>("route", "sequence_length", text("a divisor of the ", tokens.total, " tokens"),
                      text(gate.sequence_length));
  }
  Routing routing;
  choose(ctx, gate, tokens, routing);
  let_go(ctx, gate, tokens, size, comm, routing);
  weigh_and_count(ctx, tokens, comm, routing);
  routing.sums = summed(ctx, gate, tokens, routing, size, comm);
  routing.all = join(routing.sums);
  if (gate.sequence_length > 0) routing.sequences = summed(ctx, gate, tokens, routing, gate.sequence_length, comm);
  name_losses(gate, routing);
  return routing;
}

}  // namespace wudao::moe
