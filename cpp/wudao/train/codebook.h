// What ranks that share a batch do together with the book of codes. Every one of them ends with the same bits.
#pragma once

#include "wudao/comm/communicator.h"
#include "wudao/vq/tokenizer.h"

namespace wudao::train {

// Gives every rank what the global batch was assigned, counts and sums by code, in place of what its own shards were.
void share_statistics(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer, int shards);

struct Revival {
  double least = 0.0;  // codes with N_k below it
  double size = 0.0;   // their new N_k
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
};

// Gives codes that are hardly used the place of a z of the global batch, drawn by (seed, step, code), whichever rank
// has it. Returns how many there were.
std::int64_t revive(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer, const Revival& revival);

}  // namespace wudao::train
