// One optimizer step of an image tokenizer.
#pragma once

#include "wudao/optim/optimizer.h"
#include "wudao/vq/tokenizer.h"

namespace wudao::train {

// Means over the values of the batch.
struct TokenizerLosses {
  double pixels = 0.0, commitment = 0.0;  // the weighted L1 and L2; (q - z)^2, not weighted
};

// Losses of a batch of pictures (B, H, W, 3) in `shards` virtual shards, `micro_shards` at a time; the parameters'
// gradients wait in their trees, and the book has seen the batch.
TokenizerLosses learn_batch(Context& ctx, vq::Tokenizer& tokenizer, const Tensor& pictures, int shards,
                            int micro_shards);

struct TokenizerStep {
  TokenizerLosses losses;
  double grad_norm = 0.0;
  bool skipped = false;  // something was not finite: nothing was changed
};

// learn_batch, then clipping by global norm, AdamW and the averages of the book.
TokenizerStep step(Context& ctx, vq::Tokenizer& tokenizer, optim::Optimizer& optimizer, const Tensor& pictures,
                   int shards, int micro_shards, double lr, double clip);

}  // namespace wudao::train
