#include "wudao/comm/mpi/exchange.h"

#include <algorithm>
#include <cstring>

namespace wudao::comm::mpi {
namespace {

constexpr std::int64_t kPiece = std::int64_t{1} << 30;  // MPI 3 counts bytes in an int
constexpr std::size_t kWindow = 64;                     // messages under way

// Where the rows for (from) rank r begin, and their bytes.
std::pair<char*, std::int64_t> block_of(const RowBlocks& blocks, int r) {
  std::int64_t before = 0;
  for (int i = 0; i < r; ++i) before += blocks.counts[static_cast<std::size_t>(i)];
  const std::int64_t rows = blocks.rows.dim(0);
  const std::int64_t row = rows == 0 ? 0 : static_cast<std::int64_t>(blocks.rows.bytes()) / rows;
  return {static_cast<char*>(blocks.rows.raw()) + before * row, blocks.counts[static_cast<std::size_t>(r)] * row};
}

}  // namespace

Exchange::Exchange(const Channel& channel, const RowBlocks& send, const RowBlocks& receive, int tag, Call call)
    : channel_(channel), call_(std::move(call)), tag_(tag), send_(send.rows), receive_(receive.rows) {
  for (int distance = 1; distance < channel_.size; ++distance) {
    plan(receive, false, distance);
    plan(send, true, distance);
  }
  post();
  const auto [from, bytes] = block_of(send, channel_.rank);
  if (bytes > 0) std::memcpy(block_of(receive, channel_.rank).first, from, static_cast<std::size_t>(bytes));
}

void Exchange::plan(const RowBlocks& blocks, bool outgoing, int distance) {
  const int peer = (channel_.rank + (outgoing ? distance : channel_.size - distance)) % channel_.size;
  auto [data, bytes] = block_of(blocks, peer);
  for (; bytes > 0; data += kPiece, bytes -= kPiece) {
    messages_.push_back({data, std::min(bytes, kPiece), peer, outgoing});
  }
}

void Exchange::post() {
  const WudaoMpi& mpi = channel_.library->table();
  const std::lock_guard lock(channel_.library->calls());
  for (; posted_ < std::min(messages_.size(), finished_ + kWindow); ++posted_) {
    const Message& m = messages_[posted_];
    void* request = nullptr;
    const int bytes = static_cast<int>(m.bytes);
    channel_.library->check(m.outgoing ? mpi.send(channel_.comm, m.data, bytes, m.peer, tag_, &request)
                                       : mpi.receive(channel_.comm, m.data, bytes, m.peer, tag_, &request),
                            call_.op.c_str());
    requests_.push_back(request);
  }
}

void Exchange::wait() {
  for (; finished_ < messages_.size(); post()) {
    channel_.arrivals->wait(&requests_[finished_], call_);
    ++finished_;
  }
}

Exchange::~Exchange() {
  try {
    if (!channel_.library->ended()) wait();
  } catch (...) {  // somebody else reports that the job is over
  }
}

}  // namespace wudao::comm::mpi
