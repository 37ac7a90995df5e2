// Philox4x32-10, the counter-based generator of Salmon et al. (SC'11): the same (key, counter) gives the same four words
// on every thread, rank and device, so whatever is random here is a function of (seed, step, op, global index).
// Everything is forced inline: the per-ISA kernels include this file and may not emit shared symbols.
#pragma once

#include <cstdint>

#define WUDAO_INLINE __attribute__((always_inline)) inline

namespace wudao::philox {

struct Words {
  std::uint32_t v[4];
};

// Names one stream of random numbers; `stream` tells apart ops, layers and uses.
struct Key {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t stream = 0;
  bool operator==(const Key&) const = default;
};

WUDAO_INLINE Words philox4x32(Words counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter.v[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter.v[2];
    counter = {{static_cast<std::uint32_t>(p1 >> 32) ^ counter.v[1] ^ key0, static_cast<std::uint32_t>(p1),
                static_cast<std::uint32_t>(p0 >> 32) ^ counter.v[3] ^ key1, static_cast<std::uint32_t>(p0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// Four random words for the block `index` of a stream.
WUDAO_INLINE Words draw(const Key& key, std::uint64_t index) {
  const Words counter = {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), key.step, key.stream}};
  return philox4x32(counter, static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32));
}

// [0, 1) with 24 bits.
WUDAO_INLINE float uniform(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1.0p-24f; }

// Element `index` of the stream as a uniform number: element i takes word i%4 of block i/4.
WUDAO_INLINE float uniform_at(const Key& key, std::uint64_t index) {
  return uniform(draw(key, index / 4).v[index % 4]);
}

}  // namespace wudao::philox
