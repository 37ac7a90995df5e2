#include "wudao/moe/layer.h"

#include "wudao/base/error.h"
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
    : config_((config.check(comm->size()), config)),
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
  const std::int64_t of_shard = ctx.shards == 0 ? 0 : x.dim(0) / ctx.shards;
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
  if (global) return gate;
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
  Tape& tape = pass.tape;
  const Tokens tokens = locate(ctx, x.value, global);
  const double jitter = pass.training ? config_.jitter : 0.0;
  const Var seen = tape.apply<RouterInput>({jitter, stream_ + kGateStreams, tokens.first}, x);
  const DType sum = accumulator_of(pass.compute);
  const Var logits = tape.apply<ops::Linear>({sum}, seen, leaf(pass, gate_), Var{}, Var{});
  const Var noise = noise_ == nullptr ? Var{} : tape.apply<ops::Linear>({sum}, seen, leaf(pass, noise_), Var{}, Var{});
  const auto state = std::make_shared<RouteState>();
  const Var weights = tape.apply<RouteWeights>(
      {gate_of(ctx, pass, global), config_.losses, tokens, state, global ? comm_.get() : nullptr}, logits, noise);
  record(state->routing);
  const auto plan =
      std::make_shared<Plan>(exchange_->plan(ctx, state->routing.indices, config_.experts(), peers_of(ctx, *comm_)));
  const Var y = tape.apply<Mixture>(
      {plan, &experts_, exchange_.get(), pass.dropout, stream_ + kGateStreams + 1, tokens.first}, x, weights, residual);
  if (shared_up_ == nullptr) return y;
  return shared_down_->add_to(pass, y, (*shared_up_)(pass, x, config_.activation), stream_ + kGateStreams + 2);
}

void Layer::record(const Routing& routing) const {
  const auto add = [](std::vector<std::int64_t>& into, const Tensor& from) {
    into.resize(static_cast<std::size_t>(from.size()));
    for (std::int64_t e = 0; e < from.size(); ++e) into[static_cast<std::size_t>(e)] += from.data<std::int64_t>()[e];
  };
  add(telemetry_.counts, routing.counts);
  add(telemetry_.dropped, routing.dropped);
  if (telemetry_.losses.empty())
    telemetry_.losses = routing.losses;
  else {
    for (std::size_t i = 0; i < routing.losses.size(); ++i) telemetry_.losses[i].second += routing.losses[i].second;
  }
  ++telemetry_.passes;
}

}  // namespace wudao::moe
