// GLM (Du et al. 2022, ACL): a pre-LN transformer over corrupted text (part A, bidirectional) followed by the blanks
// (part B, left to right), with two position rows and an output projection tied to the word embedding.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wudao/model/block.h"

namespace wudao::model {

// One micro-batch. ids, positions, block_positions: (B T,) int32, sample after sample.
struct Inputs {
  Tensor ids, positions, block_positions;
  Visibility visible;
};

// Looked up and added for each token; `word` is the output projection too.
struct Tables {
  const nn::Parameter& word;
  const nn::Parameter& position;
  const nn::Parameter* block_position;  // null: there is none
};

class GLM {
 public:
  // `compute`: float32, bfloat16 (float32 master weights) or float64. A dry run has names and shapes but no values.
  // `comm`: the ranks that share the experts of each layer.
  GLM(Context& ctx, const GLMConfig& config, DType compute, std::uint64_t seed, bool dry_run,
      std::shared_ptr<comm::Communicator> comm);

  const GLMConfig& config() const { return config_; }
  DType compute() const { return compute_; }
  const std::vector<nn::ParameterPtr>& parameters() const { return list_.all(); }

  // ConfigError naming `op`, which needs the values that a dry run does not have.
  void require_values(std::string_view op) const;
  // Fails, naming `op`, on a model with weights of few bits.
  void require_float_weights(std::string_view op) const;

  struct Options {
    bool dropout = false;    // whether the configured dropout acts
    bool recompute = false;  // keep only block inputs for backward
    bool int8 = false;       // products inside the blocks with factors rounded to 8 bits, but for weight gradients
    bool training = false;   // whether routers may draw random numbers and experts be full
  };

  // Final hidden states (B T, C) after the last layer norm, in the compute type.
  Var hidden(Tape& tape, const Inputs& inputs, const Options& options) const;
  // What a rank does whose share of the batch is over while others of its row are at work: its experts see their rows.
  // (0, C), to begin backward with.
  Var idle(Tape& tape, const Options& options) const;
  // (N, V) logits in the accumulator type.
  Tensor logits(Context& ctx, const Tensor& hidden) const;
  // (shards,) float64: per shard the sum of weights * negative log-probability of the targets. `row_loss` (N,) float64,
  // when given, receives the negative log-probability of each row whose weight is not 0.
  Var loss(Tape& tape, const Var& hidden, const Tensor& targets, const Tensor& weights,
           const Tensor& row_loss = {}) const;

  // The pieces, for decoding without a tape.
  Tables tables() const { return {*word_, *position_, block_position_.get()}; }
  const std::vector<Block>& blocks() const { return blocks_; }
  // (N,) uint8: which ids are codes of pictures; undefined where experts are not told apart by that.
  Tensor pictures_of(Context& ctx, const Tensor& ids) const;
  std::vector<moe::Layer*> expert_layers() const;                            // in their order
  const std::shared_ptr<comm::Communicator>& comm() const { return comm_; }  // that shares them
  const nn::LayerNorm& final_norm() const { return final_norm_[0]; }

 private:
  template <class Layer>
  Var through_blocks(Tape& tape, Var x, const Tensor& pictures, const Options& options, Layer&& layer) const;
  Var embed(const nn::Pass& pass, const Inputs& inputs) const;
  GLMConfig config_;
  DType compute_;
  std::shared_ptr<comm::Communicator> comm_;
  nn::ParameterList list_;
  nn::ParameterPtr word_, position_, block_position_;
  std::vector<Block> blocks_;
  std::vector<nn::LayerNorm> final_norm_;  // one; made after the blocks
};

}  // namespace wudao::model
