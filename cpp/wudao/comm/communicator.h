// How processes talk. `self` is the one process that has nobody to talk to, `mpi` a job of many; whoever uses a
// Communicator cannot tell which it is, nor where the memory of a tensor lies.
//
// Every rank of a communicator has to make the same calls in the same order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "wudao/comm/commons.h"
#include "wudao/tensor/context.h"

namespace wudao::comm {

enum class Reduce : std::uint8_t { kSum, kMax, kMin };

// What this rank has sent to others by all_to_all_v, inside its supernode and across.
struct Counters {
  std::int64_t messages_intra = 0, messages_inter = 0, bytes_intra = 0, bytes_inter = 0;
};

// Rows for each rank, or from each: counts[r] rows of `rows`, behind those of the ranks before r.
struct RowBlocks {
  Tensor rows;
  std::vector<std::int64_t> counts;
};

// An exchange under way. One that is dropped is waited for.
class Request {
 public:
  virtual ~Request() = default;
  virtual void wait() = 0;  // a second time does nothing
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string describe() const = 0;  // kind and library, for people

  virtual void barrier() = 0;
  virtual void broadcast(const Tensor& data, int root) = 0;
  // all (size, ...) receives every rank's `mine` (...), in the order of ranks.
  virtual void all_gather(const Tensor& mine, const Tensor& all) = 0;
  // Sends send.counts[r] rows to rank r and receives receive.counts[r] from it. Empty blocks are not sent.
  virtual std::unique_ptr<Request> start_all_to_all_v(const RowBlocks& send, const RowBlocks& receive) = 0;
  virtual void send(const Tensor& data, int to, int tag) = 0;
  virtual void receive(const Tensor& data, int from, int tag) = 0;
  // The ranks that give the same color, ordered by (key, rank).
  virtual std::shared_ptr<Communicator> split(int color, int key) = 0;

  virtual void all_to_all_v(const RowBlocks& send, const RowBlocks& receive) {
    start_all_to_all_v(send, receive)->wait();
  }
  // What the others send to this rank, where it sends send[r] to rank r.
  std::vector<std::int64_t> exchange_counts(const Context& ctx, const std::vector<std::int64_t>& send);
  // Memory that all ranks see; null on all of them where there is none. Lives as long as the communicator.
  virtual Commons* commons() { return nullptr; }
  // data <- the sum (maximum, minimum) over ranks, in one fixed tree: tree(0..R) = tree(0..p) + tree(p..R), p the
  // largest power of two below R. The same bits on every rank. float32, float64, int32 or int64.
  void all_reduce(const Context& ctx, const Tensor& data, Reduce op);
  // Rank r's part of that: rows [r n / R, (r + 1) n / R) of data (n, ...).
  Tensor reduce_scatter(const Context& ctx, const Tensor& data, Reduce op);

  // The ranks r with equal r / size, `size` a divisor of the ranks. Made by all at the first call, and kept.
  std::shared_ptr<Communicator> supernode(int size);
  // Ranks r with equal r / size_of_supernode are near each other, as the counters see it. 0: all of them are.
  void set_supernode(int size) { supernode_ = size; }
  Counters& counters() { return counters_; }
  void count(int to, std::int64_t bytes);  // as one message

 private:
  int supernode_ = 0;
  std::map<int, std::shared_ptr<Communicator>> supernodes_;  // by size
  Counters counters_;
};

// Rows [first, second) of n that rank `part` of `parts` has: sizes differ by one at the most.
std::pair<std::int64_t, std::int64_t> part_of(std::int64_t n, int part, int parts);

}  // namespace wudao::comm
