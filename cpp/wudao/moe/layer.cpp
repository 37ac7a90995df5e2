#include "wudao/moe/layer.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "wudao/base/error.h"
#include "wudao/base/stopwatch.h"
#include "wudao/ops/linear.h"

namespace wudao::moe {
namespace {

Var leaf(const nn::Pass& pass, const nn::ParameterPtr& parameter) {
  return pass.tape.leaf(parameter->value(), parameter.get(), 0);
}

// The shards at work on every rank that shares the experts.
std::vector<ShardRange> peers_of(const Context& ctx, const comm::Communicator& comm) {
  if (!ctx.peers.empty()) return ctx.peers;
  if (comm.size() == 1) return {{ctx.first_shard, ctx.shards}};
  std::vector<ShardRange> peers;
  for (int r = 0; r < comm.size(); ++r) peers.push_back({r, 1});
  return peers;
}

}  // namespace

Layer::Layer(Context& ctx, nn::ParameterList& list, const std::string& name, const LayerConfig& config,
             std::shared_ptr<comm::Communicator> comm, std::uint32_t stream)
    : name_(name),
      config_((config.check(comm->size()), config)),
      stream_(stream),
      comm_(std::move(comm)),
      gate_(list.normal(name + "gate.weight", {config.experts(), config.hidden}, config.gate_std)),
      noise_(config.gate.kind == GateKind::kNoisy
                 ? list.normal(name + "gate.noise_weight", {config.experts(), config.hidden}, config.gate_std)
                 : nullptr),
      experts_(list, name + "experts", config, comm_->rank(), comm_->size()),
      exchange_(make_exchange(comm_, config)) {
  if (config.supernode > 0) comm_->set_supernode(config.supernode);
  if (config.shared_width > 0) {
    shared_up_ = std::make_unique<nn::Linear>(list, name + "shared_expert.h_to_4h", config.hidden, config.shared_width,
                                              config.std);
    shared_down_ = std::make_unique<nn::Linear>(list, name + "shared_expert.4h_to_h", config.shared_width,
                                                config.hidden, config.output_std);
  }
  if (config.gate.kind == GateKind::kBias) bias_ = ctx.zeros({config.experts()}, DType::kFloat64);
}

Tokens Layer::locate(Context& ctx, const Tensor& x, bool global) const {
  Tokens tokens;
  std::int64_t of_shard = ctx.shard_rows;
  if (of_shard == 0 && ctx.shards > 0) of_shard = x.dim(0) / ctx.shards;
  tokens.first = ctx.first_shard * of_shard;
  tokens.total = ctx.all_shards * of_shard;
  if (global) place(ctx, x.dim(0), *comm_, tokens);
  tokens.bias = bias_;
  tokens.seed = ctx.seed;
  tokens.step = ctx.step;
  tokens.stream = stream_;
  return tokens;
}

Gate Layer::gate_of(const Context& ctx, const nn::Pass& pass, bool global) const {
  Gate gate = config_.gate;
  gate.train = pass.training;
  if (global) {
    gate.groups = std::max(gate.groups, 1);
    return gate;
  }
  if (!pass.training) {  // what a text gets may not depend on the texts beside it
    gate.capacity_factor = 0.0;
    gate.groups = 1;
    return gate;
  }
  if (gate.groups == 0) gate.groups = ctx.all_shards;
  return gate;
}

Var Layer::operator()(const nn::Pass& pass, const Var& x, const Var& residual, bool global) const {
  Context& ctx = pass.tape.context();
  if (!global && ctx.peers.empty() && comm_->size() > 1) return replicated(pass, x.value, residual.value);
  Tape& tape = pass.tape;
  const Stopwatch route;
  const Tokens tokens = locate(ctx, x.value, global);
  const double jitter = pass.training ? config_.jitter : 0.0;
  const Var seen = tape.apply<RouterInput>({jitter, stream_ + kGateStreams, tokens.first}, x);
  const DType sum = accumulator_of(pass.compute);
  Var logits = tape.apply<ops::Linear>({sum}, seen, leaf(pass, gate_), Var{}, Var{});
  if (config_.picture_experts > 0) {
    logits = tape.apply<OwnExperts>({pass.pictures, config_.experts() - config_.picture_experts}, logits);
  }
  const Var noise = noise_ == nullptr ? Var{} : tape.apply<ops::Linear>({sum}, seen, leaf(pass, noise_), Var{}, Var{});
  const auto state = std::make_shared<RouteState>();
  const Var weights = tape.apply<RouteWeights>({gate_of(ctx, pass, global), config_.losses, tokens, state,
                                                global ? comm_.get() : nullptr, global ? nullptr : &telemetry_.batch},
                                               logits, noise);
  if (!tape.recomputing()) telemetry_.add(state->routing);
  telemetry_.seconds.route += route.seconds();
  tape.show("choices", "forward", state->routing.indices);
  const Stopwatch planning;
  const auto plan =
      std::make_shared<Plan>(exchange_->plan(ctx, state->routing.indices, config_.experts(), peers_of(ctx, *comm_)));
  telemetry_.seconds.exchange += planning.seconds();
  const Var y = tape.apply<Mixture>({plan, &experts_, exchange_.get(), &telemetry_.seconds, pass.dropout,
                                     stream_ + kGateStreams + 1, tokens.first},
                                    x, weights, residual);
  if (shared_up_ == nullptr) return y;
  return shared_down_->add_to(pass, y, (*shared_up_)(pass, x, config_.activation), stream_ + kGateStreams + 2);
}

// Each rank takes a part of the rows, and all get what came of all.
Var Layer::replicated(const nn::Pass& pass, const Tensor& x, const Tensor& residual) const {
  const std::int64_t rows = x.dim(0), ranks = comm_->size(), part = (rows + ranks - 1) / ranks;
  const auto begin_of = [&](std::int64_t rank) { return std::min(rows, rank * part); };
  const std::int64_t begin = begin_of(comm_->rank()), count = begin_of(comm_->rank() + 1) - begin;
  Context own = pass.tape.context();
  for (std::int64_t r = 0; r < ranks; ++r) {
    own.peers.push_back({static_cast<int>(r), begin_of(r + 1) > begin_of(r) ? 1 : 0});
  }
  own.first_shard = comm_->rank();
  own.shards = own.peers[static_cast<std::size_t>(comm_->rank())].count;
  own.shard_rows = part;
  Tape tape(own, false);
  const Tensor pictures = pass.pictures.defined() ? pass.pictures.rows(begin, count) : Tensor();
  const Var y = (*this)({tape, pass.compute, pass.dropout, pass.int8, pass.training, pictures}, {x.rows(begin, count), nullptr},
                        {residual.rows(begin, count), nullptr});
  const Tensor mine = own.empty({part, residual.dim(1)}, residual.dtype());
  if (count > 0) std::memcpy(mine.raw(), y.value.raw(), y.value.bytes());
  const Tensor all = own.empty({ranks * part, residual.dim(1)}, residual.dtype());
  comm_->all_gather(mine, all);
  return {all.rows(0, rows), nullptr};
}

void Layer::share(Context& ctx, comm::Communicator& world) const { telemetry_.share(ctx, config_.gate, world); }

void Layer::balance() const {
  if (!bias_.defined()) return;
  const std::vector<std::int64_t>& chosen = telemetry_.batch.chosen;
  const auto sum = static_cast<double>(std::accumulate(chosen.begin(), chosen.end(), std::int64_t{0}));
  const double mean = sum / static_cast<double>(chosen.size());
  for (std::size_t e = 0; e < chosen.size(); ++e) {
    const double short_of = mean - static_cast<double>(chosen[e]);
    const double sign = short_of > 0.0 ? 1.0 : (short_of < 0.0 ? -1.0 : 0.0);
    bias_.data<double>()[e] += config_.bias_rate * sign;
  }
}

}  // namespace wudao::moe
