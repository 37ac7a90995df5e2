// A layer of experts: router, experts, exchange.
#pragma once

#include "wudao/moe/mixture.h"
#include "wudao/moe/router.h"
#include "wudao/moe/telemetry.h"

namespace wudao::moe {

class Layer {
 public:
  static constexpr std::uint32_t kStreams = kGateStreams + 3;  // of random numbers, from `stream` on
  // `comm`: the ranks that share the experts, as many to each as can be.
  Layer(Context& ctx, nn::ParameterList& list, const std::string& name, const LayerConfig& config,
        std::shared_ptr<comm::Communicator> comm, std::uint32_t stream);

  // residual + dropout(mixture of experts of x) + dropout(shared expert of x): x compute, residual stream -> stream.
  // `global`: the tokens of all ranks of `comm` are the global sequence; otherwise the context says which shards these
  // are, and which are on the other ranks. Where it does not, all ranks have the same rows, and share the work.
  Var operator()(const nn::Pass& pass, const Var& x, const Var& residual, bool global = false) const;

  const std::string& name() const { return name_; }
  const LayerConfig& config() const { return config_; }
  const Experts& experts() const { return experts_; }
  const nn::Parameter& gate() const { return *gate_; }
  const Tensor& bias() const { return bias_; }  // (E,) float64, of the bias gate; undefined otherwise

  // What it saw since `begin_batch`. Between the forward passes of a batch and their backward, `share` tells every rank
  // of `world` what the others saw: counts and losses are then those of the whole batch.
  const Telemetry& telemetry() const { return telemetry_; }
  void begin_batch() const { telemetry_ = {}; }
  void share(Context& ctx, comm::Communicator& world) const;
  // Of the bias gate, after a batch: bias_e += rate * sign(mean of the counts - count_e), counts before drops.
  void balance() const;

 private:
  Var replicated(const nn::Pass& pass, const Tensor& x, const Tensor& residual) const;
  Tokens locate(Context& ctx, const Tensor& x, bool global) const;
  Gate gate_of(const Context& ctx, const nn::Pass& pass, bool global) const;

  std::string name_;
  LayerConfig config_;
  std::uint32_t stream_;
  std::shared_ptr<comm::Communicator> comm_;
  nn::ParameterPtr gate_, noise_;
  Experts experts_;
  std::unique_ptr<nn::Linear> shared_up_, shared_down_;  // the expert that sees all tokens; null: there is none
  std::unique_ptr<Exchange> exchange_;
  Tensor bias_;
  mutable Telemetry telemetry_;
};

}  // namespace wudao::moe
