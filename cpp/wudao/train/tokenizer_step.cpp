#include "wudao/train/tokenizer_step.h"

#include <algorithm>
#include <cmath>

#include "wudao/base/error.h"
#include "wudao/train/codebook.h"
#include "wudao/train/grid.h"
#include "wudao/train/reduce.h"

namespace wudao::train {
namespace {

// The fixed tree over shards.
double tree(const double* of_shards, int count) {
  return count == 1 ? of_shards[0] : tree(of_shards, count / 2) + tree(of_shards + count / 2, count / 2);
}

void check_shards(std::int64_t pictures, int shards, int micro_shards) {
  const auto power = [](int n) { return n > 0 && (n & (n - 1)) == 0; };
  if (!power(shards) || pictures % shards != 0) {
    fail<ConfigError>("train", "virtual_shards", text("a power of two that divides the batch of ", pictures),
                      text(shards));
  }
  if (!power(micro_shards) || micro_shards > shards) {
    fail<ConfigError>("train", "micro_shards", text("a power of two up to ", shards), text(micro_shards));
  }
}

// This rank's shards through the model; their losses, (2, V) float64 with zeros for the shards of others.
Tensor learn_own(Context& ctx, const comm::Communicator& comm, vq::Tokenizer& tokenizer, const TokenizerBatch& batch) {
  const std::int64_t each = batch.pictures.dim(0) / batch.shards;
  const Tensor losses = ctx.zeros({2, batch.shards}, DType::kFloat64);
  ctx.all_shards = batch.shards, ctx.seed = batch.seed, ctx.step = batch.step;
  for (const ShardRange& part : nodes_of(shards_of(batch.shards, comm.size(), comm.rank()), batch.micro_shards)) {
    ctx.first_shard = part.first, ctx.shards = part.count;
    const vq::Losses found = tokenizer.learn(ctx, batch.pictures.rows(part.first * each, part.count * each),
                                             batch.pictures.dim(0), batch.tau);
    std::ranges::copy(found.pixels, losses.data<double>() + part.first);
    std::ranges::copy(found.second, losses.data<double>() + batch.shards + part.first);
  }
  ctx.first_shard = 0, ctx.shards = 1, ctx.all_shards = 1;
  return losses;
}

}  // namespace

TokenizerLosses learn_batch(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer,
                            const TokenizerBatch& batch) {
  const Tensor& pictures = batch.pictures;
  check_shards(pictures.dim(0), batch.shards, batch.micro_shards);
  tokenizer.check("train", pictures);
  tokenizer.assigned().begin_batch();
  const Tensor losses = learn_own(ctx, comm, tokenizer, batch);
  comm.all_reduce(ctx, losses, comm::Reduce::kSum);
  share_statistics(ctx, comm, tokenizer, batch.shards);
  const auto& config = tokenizer.config();
  const double codes = static_cast<double>(pictures.size() / 3) / static_cast<double>(config.pixels() * config.pixels());
  const std::int64_t width = config.quantizer == vq::Quantizer::kGumbel ? 1 : config.code_width;
  return {tree(losses.data<double>(), batch.shards) / static_cast<double>(pictures.size()),
          tree(losses.data<double>() + batch.shards, batch.shards) / (codes * static_cast<double>(width))};
}

TokenizerStep step(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer, optim::Optimizer& optimizer,
                   const TokenizerBatch& batch, double lr, double clip) {
  TokenizerStep done;
  done.losses = learn_batch(ctx, comm, tokenizer, batch);
  std::vector<Tensor> gradients = take_gradients(ctx, tokenizer.parameters(), comm, batch.shards);
  double squares = 0.0;
  for (const Tensor& gradient : gradients) squares += optim::sum_squares(ctx, gradient);
  done.grad_norm = std::sqrt(squares);
  done.skipped = !std::isfinite(done.grad_norm) || !std::isfinite(done.losses.pixels + done.losses.second);
  if (done.skipped) return done;
  optimizer.step(ctx, std::move(gradients), {lr, 0.0, optim::clip_factor(done.grad_norm, clip)});
  if (tokenizer.book() != nullptr) tokenizer.book()->update(ctx, tokenizer.assigned());
  return done;
}

}  // namespace wudao::train
