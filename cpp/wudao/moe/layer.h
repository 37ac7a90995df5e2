// A layer of experts: router, experts, exchange.
#pragma once

#include "wudao/moe/mixture.h"
#include "wudao/moe/router.h"

namespace wudao::moe {

// What a layer saw since it was asked last, of this rank's tokens (of all, where routing is over ranks).
struct Telemetry {
  std::vector<std::int64_t> counts, dropped;           // by expert
  std::vector<std::pair<std::string, double>> losses;  // summed over passes
  std::int64_t passes = 0;
};

class Layer {
 public:
  static constexpr std::uint32_t kStreams = kGateStreams + 3;  // of random numbers, from `stream` on
  // `comm`: the ranks that share the experts, as many to each as can be.
  Layer(Context& ctx, nn::ParameterList& list, const std::string& name, const LayerConfig& config,
        std::shared_ptr<comm::Communicator> comm, std::uint32_t stream);

  // residual + dropout(mixture of experts of x) + dropout(shared expert of x): x compute, residual stream -> stream.
  // `global`: the tokens of all ranks of `comm` are the global sequence; otherwise the context says which shards these
  // are.
  Var operator()(const nn::Pass& pass, const Var& x, const Var& residual, bool global = false) const;

  const LayerConfig& config() const { return config_; }
  const Experts& experts() const { return experts_; }
  const nn::Parameter& gate() const { return *gate_; }
  const Tensor& bias() const { return bias_; }  // (E,) float64, of the bias gate; undefined otherwise
  const Telemetry& telemetry() const { return telemetry_; }
  void clear_telemetry() { telemetry_ = {}; }

 private:
  Tokens locate(Context& ctx, const Tensor& x, bool global) const;
  Gate gate_of(const Context& ctx, const nn::Pass& pass, bool global) const;
  void record(const Routing& routing) const;

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
