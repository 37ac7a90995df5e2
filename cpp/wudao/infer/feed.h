// New tokens of many texts, and how they lie as rows of one matrix.
#pragma once

#include <span>
#include <vector>

#include "wudao/infer/kv_cache.h"

namespace wudao::infer {

struct Token {
  std::int32_t id, position, block_position;
};

// New tokens of one text. In a feed of part A (bidirectional) every token sees the whole feed; otherwise a token sees
// what came before it. Both see all that the cache holds.
struct Feed {
  KvCache* cache;
  std::span<const Token> tokens;
  bool bidirectional = false;

  std::int64_t size() const { return static_cast<std::int64_t>(tokens.size()); }
};

// Which rows' logits are wanted: none, the last one of each feed, or all.
enum class Rows { kNone, kLast, kAll };

// Some tokens of a feed, from `first` on; their rows begin at `row` of the matrix.
struct Segment {
  std::size_t feed;
  std::int64_t row, first, count;
};

}  // namespace wudao::infer
