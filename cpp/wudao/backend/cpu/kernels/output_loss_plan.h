// Which rows of the output layer count, and in what portions they are worked off.
#pragma once

#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {

// Rows of one shard whose gradient is added as one product; counted from the start of the shard.
constexpr std::int64_t kLossChunk = 256;

// The score gradients of a batch of rows are held at once: as many rows as fit here, and a chunk at least. How rows are
// batched changes memory and speed, never a bit of the result.
constexpr std::int64_t kScoreBytes = std::int64_t{16} << 20;

// Work space from the caller's arena, given back when it goes out of scope.
class Block {
 public:
  Block(const kernels::OutputLoss& p, std::int64_t bytes)
      : p_(p), bytes_(bytes > 0 ? bytes : 1), data_(p.allocate(p.arena, bytes_)) {}
  ~Block() { p_.release(p_.arena, data_, bytes_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  const kernels::OutputLoss& p_;
  std::int64_t bytes_;
  void* data_;
};

inline std::int64_t counted_rows(const kernels::OutputLoss& p) {
  std::int64_t counted = 0;
  for (std::int64_t n = 0; n < p.rows; ++n) counted += p.weights[n] != 0.0 ? 1 : 0;
  return counted;
}

// Counted rows [begin, end) of one shard, numbered among the counted ones.
struct Chunk {
  std::int64_t begin, end;
  bool opens, closes;  // the first, the last of its shard
};

// Walks the chunks of all shards in order; a shard without counted rows is one empty chunk.
class ChunkWalk {
 public:
  ChunkWalk(const kernels::OutputLoss& p, const std::int64_t* row) : p_(p), row_(row) {}

  bool done() const { return shard_ == p_.shards; }

  // The chunk at hand; `counted` is the number of all counted rows.
  Chunk current(std::int64_t counted) const {
    const std::int64_t last_row = (shard_ + 1) * (p_.rows / p_.shards);
    std::int64_t end = position_;
    while (end < counted && end - position_ < kLossChunk && row_[end] < last_row) ++end;
    return {position_, end, opens_, end == counted || row_[end] >= last_row};
  }

  void advance(const Chunk& chunk) {
    position_ = chunk.end;
    opens_ = chunk.closes;
    shard_ += chunk.closes ? 1 : 0;
  }

 private:
  const kernels::OutputLoss& p_;
  const std::int64_t* row_;
  std::int64_t position_ = 0, shard_ = 0;
  bool opens_ = true;
};

}  // namespace wudao::WUDAO_ISA
