#include "wudao/comm/rooms.h"

#include <cstring>

#include "wudao/comm/arguments.h"

namespace wudao::comm {
namespace {

constexpr std::size_t kFew = 32 * 1024;  // bytes whose second copy costs less than a message

std::int64_t row_bytes(const Tensor& rows) {
  return rows.dim(0) == 0 ? 0 : static_cast<std::int64_t>(rows.bytes()) / rows.dim(0);
}

}  // namespace

bool exchange_in_rooms(Communicator& comm, const RowBlocks& send, const RowBlocks& receive) {
  check_blocks(send, receive, comm.rank(), comm.size());
  Commons& commons = *comm.commons();
  if (send.rows.bytes() > kFew && !commons.is_room(send.rows.raw())) {
    commons.decline();
  } else if (!commons.is_room(send.rows.raw())) {
    void* const room = commons.room(send.rows.bytes());
    if (send.rows.bytes() > 0) std::memcpy(room, send.rows.raw(), send.rows.bytes());
  }
  const std::int64_t sent = row_bytes(send.rows), received = row_bytes(receive.rows);
  std::int64_t begin = 0;
  for (int r = 0; r < comm.size(); ++r) {
    commons.numbers()[r] = begin;
    begin += send.counts[static_cast<std::size_t>(r)] * sent;
  }
  if (!commons.publish()) return false;
  auto* to = static_cast<char*>(receive.rows.raw());
  for (int r = 0; r < comm.size(); ++r) {
    const std::int64_t rows = send.counts[static_cast<std::size_t>(r)];
    if (r != comm.rank() && rows > 0) comm.count(r, rows * sent);
    const auto bytes = static_cast<std::size_t>(receive.counts[static_cast<std::size_t>(r)] * received);
    if (bytes == 0) continue;
    std::memcpy(to, static_cast<const char*>(commons.of(r)) + commons.numbers_of(r)[comm.rank()], bytes);
    to += bytes;
  }
  return true;
}

}  // namespace wudao::comm
