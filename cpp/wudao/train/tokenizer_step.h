// One optimizer step of an image tokenizer, of one process or of ranks that share a batch.
#pragma once

#include "wudao/comm/communicator.h"
#include "wudao/optim/optimizer.h"
#include "wudao/vq/tokenizer.h"

namespace wudao::train {

// Means over the values of the batch.
struct TokenizerLosses {
  double pixels = 0.0;  // the weighted L1 and L2
  double second = 0.0;  // vq::Losses, not weighted: over values of z, with gumbel over codes
};

// A batch of pictures (B, H, W, 3), which every rank of `comm` gives whole: of its `shards` virtual shards rank r takes
// [r V / R, (r + 1) V / R), `micro_shards` at a time.
struct TokenizerBatch {
  Tensor pictures;
  int shards = 1, micro_shards = 1;
  double tau = 1.0;        // temperature of gumbel,
  std::uint64_t seed = 0;  // and of its noise
  std::uint32_t step = 0;
};

// The losses of a batch, the same on all ranks. The gradients of a rank's shards wait in the parameters' trees; the book
// has the statistics of the whole batch.
TokenizerLosses learn_batch(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer,
                            const TokenizerBatch& batch);

struct TokenizerStep {
  TokenizerLosses losses;
  double grad_norm = 0.0;
  bool skipped = false;  // something was not finite: nothing was changed
};

// learn_batch, then clipping by global norm, AdamW and the averages of the book.
TokenizerStep step(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer, optim::Optimizer& optimizer,
                   const TokenizerBatch& batch, double lr, double clip);

}  // namespace wudao::train
