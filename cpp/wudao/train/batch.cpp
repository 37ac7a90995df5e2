#include <algorithm>
#include <cmath>

#include "wudao/train/trainer.h"

namespace wudao::train {
namespace {

void check(const Batch& batch, const PassOptions& options) {
  const int v = options.shards;
  if (v < 1 || (v & (v - 1)) != 0 || batch.batch % v != 0) {
    fail<ConfigError>("train", "virtual_shards", text("a power of two that divides the batch of ", batch.batch),
                      text(v));
  }
  const int micro = options.micro_shards;
  if (micro < 0 || micro > v || (micro & (micro - 1)) != 0) {
    fail<ConfigError>("train", "micro_shards", text("a power of two up to ", v, ", or 0 for all"), text(micro));
  }
  if (options.only >= v) fail<ConfigError>("replay", "shard", text("0 to ", v - 1), text(options.only));
}

// scale * loss_mask / sum(loss_mask).
Tensor normalised_weights(Context& ctx, const Tensor& loss_mask, double scale) {
  double total = 0.0;
  for (std::int64_t i = 0; i < loss_mask.size(); ++i) total += loss_mask.data<double>()[i];
  if (!(total > 0.0)) {
    fail<ShapeError>("train", "loss_mask", "at least one token to predict in the batch", text("a sum of ", total));
  }
  Tensor weights = ctx.empty(loss_mask.shape(), DType::kFloat64);
  for (std::int64_t i = 0; i < loss_mask.size(); ++i) {
    weights.data<double>()[i] = scale * (loss_mask.data<double>()[i] / total);
  }
  return weights;
}

// Samples [first, first + count) of the batch.
model::Inputs slice(const Batch& batch, std::int64_t first, std::int64_t count) {
  const std::int64_t row = first * batch.length, rows = count * batch.length;
  return {batch.ids.rows(row, rows),
          batch.positions.rows(row, rows),
          batch.block_positions.rows(row, rows),
          {count, batch.sep.defined() ? batch.sep.rows(first, count) : Tensor(),
           batch.mask.defined() ? batch.mask.rows(first, count) : Tensor()}};
}

double tree_sum(const double* values, int count) {
  return count == 1 ? values[0] : tree_sum(values, count / 2) + tree_sum(values + count / 2, count / 2);
}

// A batch on its way through the model, the passes of this rank one after the other.
class Run {
 public:
  Run(const Context& ctx, const model::GLM& glm, const Grid& grid, const Batch& batch, const PassOptions& options,
      bool gradients)
      : ctx_(ctx), glm_(glm), grid_(grid), batch_(batch), options_(options), gradients_(gradients) {
    check(batch, options);
    shared_ = grid.ranks() == 1 && glm.comm()->size() > 1;
    if (shared_ && gradients) {
      fail<ConfigError>("loss_and_gradients", "model", "one with all experts", "one that shares them with other ranks",
                        "Train it with wudao_rt.train.");
    }
    ctx_.loss_scale = options.loss_scale;
    weights_ = normalised_weights(ctx_, batch.loss_mask, options.loss_scale);
    losses_ = ctx_.zeros({options.shards}, DType::kFloat64);
    ctx_.all_shards = options.shards;
    ctx_.shard_rows = batch.batch / options.shards * batch.length;
    ctx_.seed = options.seed;
    ctx_.step = options.step;
  }

  double operator()() {
    const std::vector<Pass> passes = passes_of(grid_, options_.shards, micro());
    ctx_.packs_anew = gradients_ && passes.size() == 1;
    for (const moe::Layer* layer : glm_.expert_layers()) layer->begin_batch();
    // The global-batch loss pulls by what all tokens chose: its backward begins when all of them have.
    if (gradients_ && waits_for_all()) {
      std::vector<std::unique_ptr<Forward>> all;
      for (const Pass& pass : passes) {
        auto one = forward(pass);
        if (is_wanted(pass)) all.push_back(std::move(one));
      }
      share();
      for (const auto& one : all) backward(*one);
    } else {
      for (const Pass& pass : passes) {
        if (!is_wanted(pass)) continue;
        const auto one = forward(pass);
        if (gradients_) backward(*one);
      }
      share();
    }
    grid_.world->all_reduce(ctx_, losses_, comm::Reduce::kSum);
    for (int s = 0; s < options_.shards; ++s) losses_.data<double>()[s] /= options_.loss_scale;
    return tree_sum(losses(), options_.shards);
  }

  const double* losses() const { return losses_.data<double>(); }  // of each shard

 private:
  struct Forward {
    explicit Forward(const Context& context, bool recording) : ctx(context), tape(ctx, recording) {}
    Context ctx;
    Tape tape;
    Var end;  // the losses of its shards; of an idle rank, no rows
  };

  // Who looks on is shown each shard by itself.
  int micro() const {
    if (options_.observer != nullptr) return 1;
    return options_.micro_shards > 0 ? options_.micro_shards : options_.shards;
  }

  bool is_wanted(const Pass& pass) const { return options_.only < 0 || pass.mine.first == options_.only; }

  bool waits_for_all() const {
    return std::ranges::any_of(glm_.expert_layers(),
                               [](const moe::Layer* layer) { return layer->config().losses.global_batch != 0.0; });
  }

  void share() {
    for (const moe::Layer* layer : glm_.expert_layers()) layer->share(ctx_, *grid_.world);
  }

  std::unique_ptr<Forward> forward(const Pass& pass) {
    const std::int64_t of_shard = batch_.batch / options_.shards;
    ctx_.first_shard = pass.mine.first;
    ctx_.idle = pass.mine.count == 0;
    ctx_.shards = std::max(1, pass.mine.count);
    ctx_.peers = shared_ ? std::vector<ShardRange>{} : pass.row;
    ctx_.first_sample = of_shard * pass.mine.first;
    ctx_.samples = of_shard * pass.mine.count;
    ctx_.observer = is_wanted(pass) ? options_.observer : nullptr;
    auto out = std::make_unique<Forward>(ctx_, gradients_ && is_wanted(pass));
    const std::int64_t row = ctx_.first_sample * batch_.length, rows = ctx_.samples * batch_.length;
    Tape& tape = out->tape;
    const model::GLM::Options how = {options_.dropout, options_.recompute && gradients_, options_.int8,
                                     options_.training};
    if (ctx_.idle) {
      out->end = glm_.idle(tape, how);
      return out;
    }
    const Var hidden = glm_.hidden(tape, slice(batch_, ctx_.first_sample, ctx_.samples), how);
    out->end = glm_.loss(tape, hidden, batch_.targets.rows(row, rows), weights_.rows(row, rows));
    std::copy_n(out->end.value.data<double>(), pass.mine.count, losses_.data<double>() + pass.mine.first);
    return out;
  }

  void backward(Forward& one) {
    if (one.ctx.idle) return one.tape.backward(one.end, ctx_.empty(one.end.value.shape(), one.end.value.dtype()));
    one.tape.backward(one.end);
  }

  Context ctx_;
  const model::GLM& glm_;
  const Grid& grid_;
  const Batch& batch_;
  const PassOptions& options_;
  bool gradients_;
  bool shared_ = false;  // the ranks that share the experts all run the whole batch
  Tensor weights_, losses_;  // (B T,); (V,) float64
};

template <class T>
bool all_finite(const T* values, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    if (!std::isfinite(values[i])) return false;
  }
  return true;
}

// An exponent of all ones is infinity or NaN.
bool all_finite(const BFloat16* values, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    if ((values[i].bits & 0x7F80u) == 0x7F80u) return false;
  }
  return true;
}

bool all_finite(const Float16* values, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    if ((values[i].bits & 0x7C00u) == 0x7C00u) return false;
  }
  return true;
}

bool is_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return all_finite(tensor.data<float>(), tensor.size());
    case DType::kFloat64:
      return all_finite(tensor.data<double>(), tensor.size());
    case DType::kBFloat16:
      return all_finite(tensor.data<BFloat16>(), tensor.size());
    case DType::kFloat16:
      return all_finite(tensor.data<Float16>(), tensor.size());
    default:
      return true;
  }
}

// Finds the first tensor with a value that is not finite.
class FiniteCheck final : public Observer {
 public:
  explicit FiniteCheck(std::string& found) : found_(found) {}
  void show(const std::string& what, int shard, const std::vector<Tensor>& parts) override {
    if (found_.empty() && !std::ranges::all_of(parts, is_finite)) found_ = text(what, ", shard ", shard);
  }

 private:
  std::string& found_;
};

}  // namespace

double run_batch(Context& ctx, const model::GLM& glm, const Grid& grid, const Batch& batch, const PassOptions& options,
                 bool gradients, std::vector<double>* of_shards) {
  Run run(ctx, glm, grid, batch, options, gradients);
  const double loss = run();
  if (of_shards != nullptr) of_shards->assign(run.losses(), run.losses() + options.shards);
  return loss;
}

std::string find_non_finite(Context& ctx, const model::GLM& glm, const Grid& grid, const Batch& batch,
                            const PassOptions& options) {
  std::string found;
  for (const nn::ParameterPtr& parameter : glm.parameters()) {
    if (found.empty() && !is_finite(parameter->value())) found = "parameter " + parameter->name();
  }
  PassOptions one = options;
  one.observer = std::make_shared<FiniteCheck>(found);
  Run(ctx, glm, grid, batch, one, true)();
  for (const nn::ParameterPtr& parameter : glm.parameters()) {
    if (found.empty() && !is_finite(parameter->take_own(ctx))) found = "gradient of " + parameter->name();
    parameter->clear_gradient();
  }
  return found;
}

}  // namespace wudao::train
