#include "wudao/train/tree_sum.h"

#include <algorithm>
#include <cstring>

#include "wudao/ops/add.h"

namespace wudao::train {
namespace {

constexpr std::int64_t kBucket = std::int64_t{1} << 22;  // elements that travel together

// Some pieces, one after the other, as the ranks sum them up.
class Bucket {
 public:
  Bucket(Context& ctx, comm::Communicator& comm, const std::vector<ShardRange>& shards, DType dtype)
      : ctx_(ctx), comm_(comm), dtype_(dtype) {
    for (const ShardRange& range : shards) nodes_.push_back(nodes_of(range, std::max(1, range.count)));
    for (std::vector<ShardRange>& nodes : nodes_)
      std::erase_if(nodes, [](const ShardRange& n) { return n.count == 0; });
  }

  // Returns the sums of all, as long as the pieces together.
  Tensor sum(std::vector<Piece>& pieces) {
    std::int64_t size = 0;
    for (const Piece& piece : pieces) size += piece.size;
    slice_ = (size + comm_.size() - 1) / comm_.size();
    const Tensor received = exchange(pieces);
    const Tensor mine = fold(received);
    const Tensor all = ctx_.empty({comm_.size() * slice_}, dtype_);
    comm_.all_gather(mine, all);
    return all;
  }

 private:
  const std::vector<ShardRange>& own() const { return nodes_[static_cast<std::size_t>(comm_.rank())]; }

  // Slice r of every node of mine goes to rank r; comes: my slice of every node of everybody.
  Tensor exchange(std::vector<Piece>& pieces) {
    const auto count = static_cast<std::int64_t>(own().size());
    const Tensor send = ctx_.zeros({comm_.size() * count * slice_}, dtype_);
    for (std::int64_t n = 0; n < count; ++n) {
      std::int64_t at = 0;
      for (Piece& piece : pieces) {
        place(piece, own()[static_cast<std::size_t>(n)], at, n, count, send);
        at += piece.size;
      }
    }
    for (Piece& piece : pieces) piece.nodes.clear();
    std::vector<std::int64_t> come;
    std::int64_t total = 0;
    for (const auto& nodes : nodes_) total += come.emplace_back(static_cast<std::int64_t>(nodes.size()) * slice_);
    const Tensor received = ctx_.empty({total}, dtype_);
    comm_.all_to_all_v({send, std::vector<std::int64_t>(static_cast<std::size_t>(comm_.size()), count * slice_)},
                       {received, come});
    return received;
  }

  // One piece's part of node n into the slices that it falls into; where there is no part, zeros stay.
  void place(const Piece& piece, const ShardRange& node, std::int64_t at, std::int64_t n, std::int64_t count,
             const Tensor& send) const {
    const auto found = std::ranges::find_if(piece.nodes, [&](const auto& own) { return own.first == node.first; });
    if (found == piece.nodes.end()) return;
    const auto unit = static_cast<std::int64_t>(size_of(dtype_));
    auto* const to = static_cast<std::byte*>(send.raw());
    const auto* const from = static_cast<const std::byte*>(found->sum.raw());
    for (std::int64_t done = 0; done < piece.size;) {
      const std::int64_t slice = (at + done) / slice_, in = (at + done) % slice_;
      const std::int64_t length = std::min(piece.size - done, slice_ - in);
      std::memcpy(to + ((slice * count + n) * slice_ + in) * unit, from + done * unit,
                  static_cast<std::size_t>(length * unit));
      done += length;
    }
  }

  Tensor fold(const Tensor& received) {
    GradientTree tree;
    std::int64_t at = 0;
    for (const auto& nodes : nodes_) {
      for (const ShardRange& node : nodes) {
        tree.add(ctx_, received.rows(at, slice_), node.first, node.count);
        at += slice_;
      }
    }
    return tree.take(ctx_);
  }

  Context& ctx_;
  comm::Communicator& comm_;
  DType dtype_;
  std::vector<std::vector<ShardRange>> nodes_;  // of every rank
  std::int64_t slice_ = 0;
};

}  // namespace

std::vector<ShardRange> shards_of_each(int shards, int ranks, int first, int step, int count, int members) {
  std::vector<ShardRange> out;
  for (int i = 0; i < count; ++i) out.push_back(shards_of(shards, ranks, first + i * step, members));
  return out;
}

// As many pieces at a time as fill a bucket.
void sum_pieces(Context& ctx, comm::Communicator& comm, const std::vector<ShardRange>& shards,
                std::vector<Piece> pieces, std::vector<Tensor>& sums) {
  for (auto first = pieces.begin(); first != pieces.end();) {
    std::int64_t size = 0;
    std::vector<Piece> some;
    for (; first != pieces.end() && (some.empty() || size + first->size <= kBucket); ++first) {
      size += first->size;
      some.push_back(std::move(*first));
    }
    const Tensor all = Bucket(ctx, comm, shards, some[0].dtype).sum(some);
    std::int64_t at = 0;
    for (const Piece& piece : some) {
      Tensor& all_of_it = sums[piece.at];
      const Tensor sum = all.rows(at, piece.size).reshape({piece.size});
      if (!all_of_it.defined()) {
        all_of_it = ctx.empty(piece.shape, sum.dtype());
        std::memcpy(all_of_it.raw(), sum.raw(), sum.bytes());
      } else {
        ops::accumulate(ctx, all_of_it, sum.reshape(piece.shape));
      }
      at += piece.size;
    }
  }
}

}  // namespace wudao::train
