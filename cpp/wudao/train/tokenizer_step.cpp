#include "wudao/train/tokenizer_step.h"

#include <cmath>

#include "wudao/base/error.h"

namespace wudao::train {
namespace {

// The fixed tree over shards.
double tree(const std::vector<double>& of_shards, std::size_t first, std::size_t count) {
  if (count == 1) return of_shards[first];
  return tree(of_shards, first, count / 2) + tree(of_shards, first + count / 2, count / 2);
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

}  // namespace

TokenizerLosses learn_batch(Context& ctx, vq::Tokenizer& tokenizer, const Tensor& pictures, int shards,
                            int micro_shards) {
  check_shards(pictures.dim(0), shards, micro_shards);
  const std::int64_t each = pictures.dim(0) / shards;
  std::vector<double> pixels, commitment;
  tokenizer.book().begin_batch();
  for (int first = 0; first < shards; first += micro_shards) {
    ctx.first_shard = first, ctx.shards = micro_shards, ctx.all_shards = shards;
    const vq::Losses part =
        tokenizer.learn(ctx, pictures.rows(first * each, micro_shards * each), pictures.dim(0));
    pixels.insert(pixels.end(), part.pixels.begin(), part.pixels.end());
    commitment.insert(commitment.end(), part.commitment.begin(), part.commitment.end());
  }
  ctx.first_shard = 0, ctx.shards = 1, ctx.all_shards = 1;
  const auto& config = tokenizer.config();
  const double codes = static_cast<double>(pictures.size() / 3) / static_cast<double>(config.pixels() * config.pixels());
  return {tree(pixels, 0, pixels.size()) / static_cast<double>(pictures.size()),
          tree(commitment, 0, commitment.size()) / (codes * static_cast<double>(config.code_width))};
}

TokenizerStep step(Context& ctx, vq::Tokenizer& tokenizer, optim::Optimizer& optimizer, const Tensor& pictures,
                   int shards, int micro_shards, double lr, double clip) {
  TokenizerStep done;
  done.losses = learn_batch(ctx, tokenizer, pictures, shards, micro_shards);
  std::vector<Tensor> gradients;
  double squares = 0.0;
  for (const nn::ParameterPtr& parameter : tokenizer.parameters()) {
    gradients.push_back(parameter->take_gradient(ctx));
    squares += optim::sum_squares(ctx, gradients.back());
  }
  done.grad_norm = std::sqrt(squares);
  done.skipped = !std::isfinite(done.grad_norm) || !std::isfinite(done.losses.pixels + done.losses.commitment);
  if (done.skipped) return done;
  optimizer.step(ctx, std::move(gradients), {lr, 0.0, optim::clip_factor(done.grad_norm, clip)});
  tokenizer.book().update(ctx);
  return done;
}

}  // namespace wudao::train
