#include "wudao/comm/arguments.h"

#include "wudao/base/error.h"

namespace wudao::comm {
namespace {

void check_counts(const char* argument, const RowBlocks& blocks, int size) {
  if (static_cast<int>(blocks.counts.size()) != size) {
    fail<ShapeError>("all_to_all_v", argument, text("one number for each of ", size, " ranks"),
                     text(blocks.counts.size(), " numbers"));
  }
  std::int64_t total = 0;
  for (const std::int64_t count : blocks.counts) {
    if (count < 0) fail<ShapeError>("all_to_all_v", argument, "numbers of rows, at least 0", text(count));
    total += count;
  }
  if (blocks.rows.rank() == 0 || blocks.rows.dim(0) != total) {
    fail<ShapeError>("all_to_all_v", argument,
                     text("a sum of ", blocks.rows.rank() == 0 ? 0 : blocks.rows.dim(0), ", the rows of the array"),
                     text("a sum of ", total));
  }
}

}  // namespace

void check_rank(std::string_view op, std::string_view argument, int rank, int size) {
  if (rank >= 0 && rank < size) return;
  fail<ConfigError>(op, argument, text("a rank from 0 to ", size - 1), text(rank));
}

void check_tag(std::string_view op, int tag) {
  if (tag >= 0 && tag <= kMaxTag) return;
  fail<ConfigError>(op, "tag", text("0 to ", kMaxTag), text(tag));
}

void check_color(int color) {
  if (color < 0) fail<ConfigError>("split", "color", "a whole number of at least 0", text(color));
}

void check_gathered(const Tensor& mine, const Tensor& all, int size) {
  if (all.bytes() == mine.bytes() * static_cast<std::size_t>(size)) return;
  fail<ShapeError>("all_gather", "all", text(size, " times the ", mine.bytes(), " bytes of one rank"),
                   text(all.bytes(), " bytes"));
}

void check_blocks(const RowBlocks& send, const RowBlocks& receive, int rank, int size) {
  check_counts("send_rows", send, size);
  check_counts("receive_rows", receive, size);
  const auto own = static_cast<std::size_t>(rank);
  if (send.counts[own] != receive.counts[own]) {
    fail<ShapeError>("all_to_all_v", "receive_rows", text(send.counts[own], " rows from oneself, as sent"),
                     text(receive.counts[own]));
  }
}

}  // namespace wudao::comm
