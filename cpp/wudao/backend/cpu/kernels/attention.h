// What forward and backward of attention share: block sizes, who sees whom, and dropout.
//
// Dropout: the probability of (sample, head, query, key) is element
//   ((sample * heads + head) << 40) | (query << 20) | key
// of the stream, with `sample` counted in the global batch and `query` an absolute position (past + i). So the numbers
// depend neither on the batch at hand nor on how long its rows are padded. Positions stay below 2^20.
#pragma once

#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/kernels/attention.h"

namespace wudao::WUDAO_ISA {

// Keys are blocked from key 0 on; the online softmax takes one block after the other, so this number shows in the bits.
constexpr std::int64_t kKeyBlock = 64;
static_assert(kKeyBlock == kernels::kCacheTokens);

// Queries that go through a key block together.
constexpr std::int64_t kStrip = 8;

template <class T>
constexpr std::int64_t whole_vectors(std::int64_t n) {
  return (n + Vec<T>::kWidth - 1) / Vec<T>::kWidth * Vec<T>::kWidth;
}

// Which keys the queries of one sample see.
struct Sight {
  const std::uint8_t* mask;  // (queries, keys) or null
  std::int64_t sep, past, keys;

  Sight(const kernels::AttentionShape& shape, std::int64_t sample)
      : mask(shape.mask == nullptr ? nullptr : shape.mask + sample * shape.queries * shape.keys),
        sep(shape.sep == nullptr ? 0 : shape.sep[sample]),
        past(shape.past),
        keys(shape.keys) {}

  // The keys that query i may see lie before this one; in the sep form it sees all of them.
  std::int64_t limit(std::int64_t i) const {
    const std::int64_t end = mask != nullptr ? keys : past + i + 1 > sep ? past + i + 1 : sep;
    return end < keys ? end : keys;
  }

  // How many keys from `key` on, at most a block, concern queries [i, i + rows): 0 if none sees any.
  std::int64_t extent(std::int64_t i, std::int64_t rows, std::int64_t key) const {
    const std::int64_t left = limit(i + rows - 1) - key, count = left < kKeyBlock ? left : kKeyBlock;
    if (count <= 0) return 0;
    return mask == nullptr || any_visible(i, rows, key, count) ? count : 0;
  }

  // Whether query i sees all keys [key, key + count). A mask is not looked through for that.
  bool sees_all(std::int64_t i, std::int64_t key, std::int64_t count) const {
    return mask == nullptr && limit(i) >= key + count;
  }

  bool any_visible(std::int64_t i, std::int64_t rows, std::int64_t key, std::int64_t count) const {
    std::uint8_t seen = 0;
    for (std::int64_t r = i; r < i + rows; ++r) {
      for (std::int64_t j = key; j < key + count; ++j) seen |= mask[r * keys + j];
    }
    return seen != 0;
  }

  // Sets what query i does not see among scores of keys [key, key + count) to `hidden`.
  template <class T>
  void hide(T* scores, std::int64_t i, std::int64_t key, std::int64_t count, T hidden) const {
    if (mask == nullptr) {
      const std::int64_t first = limit(i) - key;
      for (std::int64_t j = first > 0 ? first : 0; j < count; ++j) scores[j] = hidden;
      return;
    }
    const std::uint8_t* seen = mask + i * keys + key;
    for (std::int64_t j = 0; j < count; ++j) scores[j] = seen[j] != 0 ? scores[j] : hidden;
  }
};

// One head of one sample.
struct Head {
  std::int64_t sample, head;

  Head(const kernels::AttentionShape& shape, std::int64_t pair)
      : sample(pair / shape.heads), head(pair % shape.heads) {}

  // Where row `t` of this head begins in an operand.
  std::int64_t element(const kernels::Strided& x, std::int64_t t) const {
    return sample * x.batch + head * x.head + t * x.row;
  }

  // Number of query i among all of them.
  std::int64_t row(const kernels::AttentionShape& shape, std::int64_t i) const {
    return (sample * shape.heads + head) * shape.queries + i;
  }

  std::uint64_t dropout_index(const kernels::AttentionShape& shape, std::int64_t query, std::int64_t key) const {
    const auto pair = static_cast<std::uint64_t>((shape.first_sample + sample) * shape.heads + head);
    return pair << 40 | static_cast<std::uint64_t>(shape.past + query) << 20 | static_cast<std::uint64_t>(key);
  }
};

}  // namespace wudao::WUDAO_ISA
