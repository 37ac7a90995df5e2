// One optimizer step: micro-batches forward and backward, gradients in the tree, clipping, update.
#pragma once

#include <optional>
#include <string>

#include "wudao/model/glm.h"
#include "wudao/optim/optimizer.h"
#include "wudao/train/grid.h"

namespace wudao::train {

// A global batch of B samples of T tokens. Sample b belongs to virtual shard b / (B / shards).
struct Batch {
  std::int64_t batch = 0, length = 0;
  Tensor ids, positions, block_positions, targets;  // (B T,) int32
  Tensor sep, mask;                                 // (B,) int32 or (B, T, T) bool: exactly one
  Tensor loss_mask;                                 // (B T,) float64
};

struct PassOptions {
  int shards = 1;        // V, a power of two that divides B
  int micro_shards = 0;  // shards that go through the model together; 0: all
  bool recompute = false;
  bool int8 = false;  // forward and input-gradient products of the blocks in 8 bits
  bool dropout = true;
  bool training = true;  // whether routers may draw random numbers and experts be full
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  double loss_scale = 1.0;             // of the gradients, a power of two
  std::shared_ptr<Observer> observer;  // is shown what is computed; shards then go through one at a time
  int only = -1;                       // of one process: the only shard whose gradients are wanted; -1: all
};

// The loss of the batch: sum of loss_mask * negative log-probability over the sum of loss_mask, in nats. With
// `gradients` the parameters' gradient trees are filled, times loss_scale, with the shards of this rank's part of the
// batch, which every rank gives whole. `of_shards`: receives the parts of the loss, shard by shard.
double run_batch(Context& ctx, const model::GLM& glm, const Grid& grid, const Batch& batch, const PassOptions& options,
                 bool gradients, std::vector<double>* of_shards = nullptr);

// The first tensor with a value that is not finite: where it was made, in words; empty if there is none.
std::string find_non_finite(Context& ctx, const model::GLM& glm, const Grid& grid, const Batch& batch,
                            const PassOptions& options);

// Dynamic loss scaling, for gradients in float16 (Micikevicius et al. 2018, "Mixed precision training", section 3.2).
struct LossScale {
  double scale = 1.0;      // a power of two
  std::int64_t clean = 0;  // steps since it last changed
  std::int64_t every = 0;  // so many of them double it, a gradient that is not finite halves it; 0: it stays

  void take(bool finite);  // after a step
};

struct StepOptions {
  PassOptions pass;        // its loss_scale is the trainer's
  optim::Rates rates;  // grad_scale is computed
  double clip = 0.0;   // limit of the global gradient norm; 0: none
};

struct StepResult {
  double loss = 0.0, grad_norm = 0.0;
  double loss_scale = 1.0;  // that the step was made with
  bool skipped = false;
  std::string reason;           // of skipping
  double reduce_seconds = 0.0;  // of summing gradients over ranks
  double update_seconds = 0.0;  // of their norm and the optimizer
  std::vector<double> losses;   // of each shard
};

class Trainer {
 public:
  Trainer(Context& ctx, model::GLM& glm, const optim::OptimizerConfig& config, Grid grid);
  optim::Optimizer& optimizer() { return optimizer_; }
  const Grid& grid() const { return grid_; }
  LossScale& loss_scale() { return loss_scale_; }
  StepResult step(Context& ctx, const Batch& batch, const StepOptions& options);

 private:
  void forget_packed_forms() const;
  std::string why_skipped(Context& ctx, const Batch& batch, const PassOptions& pass, double loss) const;

  model::GLM& glm_;
  Grid grid_;
  optim::Optimizer optimizer_;
  LossScale loss_scale_;
};

}  // namespace wudao::train
