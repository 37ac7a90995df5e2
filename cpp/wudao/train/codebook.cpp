#include "wudao/train/codebook.h"

#include <cstring>

#include "wudao/train/tree_sum.h"

namespace wudao::train {
namespace {

void sum_counts(Context& ctx, comm::Communicator& comm, std::vector<std::int64_t>& counts) {
  const Tensor all = Tensor::borrow(counts.data(), {static_cast<std::int64_t>(counts.size())}, DType::kInt64, nullptr);
  comm.all_reduce(ctx, all, comm::Reduce::kSum);
}

// Those of the wanted rows of z that this process saw, zeros in place of the others.
Tensor own_rows(Context& ctx, const vq::Assigned& assigned, const Tensor& values,
                const std::vector<std::int64_t>& wanted) {
  const Tensor found = ctx.zeros({static_cast<std::int64_t>(wanted.size()), values.dim(1)}, values.dtype());
  const std::size_t width = static_cast<std::size_t>(values.dim(1)) * size_of(values.dtype());
  auto* to = static_cast<std::byte*>(found.raw());
  for (const std::int64_t row : wanted) {
    std::int64_t inside = 0;
    const Tensor* const z = assigned.seen_with(row, inside);
    if (z != nullptr) std::memcpy(to, z->rows(inside, 1).raw(), width);
    to += width;
  }
  return found;
}

}  // namespace

void share_statistics(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer, int shards) {
  if (comm.size() == 1) return;
  vq::Assigned& assigned = tokenizer.assigned();
  sum_counts(ctx, comm, assigned.counts());
  if (tokenizer.book() == nullptr) return;
  const Tensor& values = tokenizer.book()->values();
  std::vector<Tensor> sums(1);
  std::vector<Piece> pieces;
  pieces.push_back({0, values.shape(), values.dtype(), values.size(), assigned.sums().take_nodes()});
  sum_pieces(ctx, comm, shards_of_each(shards, comm.size(), 0, 1, comm.size(), 1), std::move(pieces), sums);
  assigned.sums().add(ctx, sums[0], 0, shards);
}

std::int64_t revive(Context& ctx, comm::Communicator& comm, vq::Tokenizer& tokenizer, const Revival& revival) {
  vq::Codebook& book = tokenizer.require_book("revive");
  const std::int64_t rows = tokenizer.assigned().rows();
  const std::vector<std::int64_t> codes = book.rarely_used(revival.least);
  if (rows == 0 || codes.empty()) return 0;
  const Tensor z = own_rows(ctx, tokenizer.assigned(), book.values(),
                            vq::Codebook::drawn(codes, rows, revival.seed, revival.step));
  // Bits travel as whole numbers: one rank has each row and the others zeros, and no sum of floats keeps a -0.
  const DType whole = z.dtype() == DType::kFloat64 ? DType::kInt64 : DType::kInt32;
  comm.all_reduce(ctx, Tensor::borrow(z.raw(), z.shape(), whole, nullptr), comm::Reduce::kSum);
  book.place(codes, z, revival.size);
  return static_cast<std::int64_t>(codes.size());
}

}  // namespace wudao::train
