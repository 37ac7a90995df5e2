#include "wudao/comm/communicator.h"

#include <algorithm>

#include "wudao/base/error.h"
#include "wudao/comm/reduce.h"

namespace wudao::comm {
namespace {

constexpr std::size_t kSmall = 64 * 1024;  // bytes that all ranks get whole: one message instead of two

void check_reducible(const char* op, DType dtype) {
  if (dtype == DType::kFloat32 || dtype == DType::kFloat64 || dtype == DType::kInt32 || dtype == DType::kInt64) return;
  fail<DTypeError>(op, "array", "float32, float64, int32 or int64", name_of(dtype), "Convert it.");
}

Shape with_rows(const Tensor& like, std::int64_t rows) {
  Shape shape = like.shape();
  shape[0] = rows;
  return shape;
}

}  // namespace

std::pair<std::int64_t, std::int64_t> part_of(std::int64_t n, int part, int parts) {
  return {n * part / parts, n * (part + 1) / parts};
}

std::shared_ptr<Communicator> Communicator::supernode(int size) {
  std::shared_ptr<Communicator>& found = supernodes_[size];
  if (found == nullptr) found = split(rank() / size, rank());
  return found;
}

void Communicator::count(int to, std::int64_t bytes) {
  const bool near = supernode_ == 0 || to / supernode_ == rank() / supernode_;
  ++(near ? counters_.messages_intra : counters_.messages_inter);
  (near ? counters_.bytes_intra : counters_.bytes_inter) += bytes;
}

std::vector<std::int64_t> Communicator::exchange_counts(const Context& ctx, const std::vector<std::int64_t>& send) {
  std::vector<std::int64_t> receive;
  if (Commons* const shared = size() == 1 ? nullptr : commons()) {
    shared->room(0);
    std::copy(send.begin(), send.end(), shared->numbers());
    shared->publish();
    for (int r = 0; r < size(); ++r) receive.push_back(shared->numbers_of(r)[rank()]);
    return receive;
  }
  const Tensor mine = ctx.empty({size()}, DType::kInt64), all = ctx.empty({size(), size()}, DType::kInt64);
  std::copy(send.begin(), send.end(), mine.data<std::int64_t>());
  all_gather(mine, all);
  for (int r = 0; r < size(); ++r) receive.push_back(all.data<std::int64_t>()[r * size() + rank()]);
  return receive;
}

Tensor Communicator::reduce_scatter(const Context& ctx, const Tensor& data, Reduce op) {
  check_reducible("reduce_scatter", data.dtype());
  if (data.rank() == 0) fail<ShapeError>("reduce_scatter", "array", "at least one axis", "none", "Reshape it.");
  RowBlocks send{data, {}}, receive{{}, {}};
  for (int r = 0; r < size(); ++r) {
    const auto [begin, end] = part_of(data.dim(0), r, size());
    send.counts.push_back(end - begin);
  }
  const std::int64_t rows = send.counts[static_cast<std::size_t>(rank())];
  receive.counts.assign(static_cast<std::size_t>(size()), rows);
  receive.rows = ctx.empty(with_rows(data, rows * size()), data.dtype());
  all_to_all_v(send, receive);
  reduce_rows(receive.rows, size(), op);
  return receive.rows.rows(0, rows);
}

void Communicator::all_reduce(const Context& ctx, const Tensor& data, Reduce op) {
  check_reducible("all_reduce", data.dtype());
  if (size() == 1 || data.size() == 0) return;
  const Tensor flat = data.reshape({data.size()});
  if (data.bytes() <= kSmall) {
    const Tensor all = ctx.empty({size() * data.size()}, data.dtype());
    all_gather(flat, all);
    reduce_rows(all, size(), op);
    copy_bytes(all.rows(0, data.size()), flat);
    return;
  }
  const Tensor mine = reduce_scatter(ctx, flat, op);
  RowBlocks send{ctx.empty({mine.size() * size()}, data.dtype()), {}}, receive{flat, {}};
  for (int r = 0; r < size(); ++r) {
    const auto [begin, end] = part_of(flat.size(), r, size());
    send.counts.push_back(mine.size());
    receive.counts.push_back(end - begin);
    copy_bytes(mine, send.rows.rows(r * mine.size(), mine.size()));
  }
  all_to_all_v(send, receive);
}

}  // namespace wudao::comm
