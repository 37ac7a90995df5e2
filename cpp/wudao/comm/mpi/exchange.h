// All-to-all over point-to-point messages: a window of them is under way, in the order rank + 1, rank + 2, ...
#pragma once

#include <vector>

#include "wudao/comm/communicator.h"
#include "wudao/comm/mpi/arrivals.h"

namespace wudao::comm::mpi {

// Everything that a communicator's calls need.
struct Channel {
  std::shared_ptr<Library> library;
  std::shared_ptr<Arrivals> arrivals;
  void* comm;
  int rank, size;
  bool shared;  // whether ranks of one node may share memory
};

class Exchange final : public Request {
 public:
  Exchange(const Channel& channel, const RowBlocks& send, const RowBlocks& receive, int tag, Call call);
  ~Exchange() override;
  void wait() override;

 private:
  struct Message {
    void* data;
    std::int64_t bytes;
    int peer;
    bool outgoing;
  };
  void plan(const RowBlocks& blocks, bool outgoing, int distance);
  void post();  // as many as the window holds

  Channel channel_;
  Call call_;
  int tag_;
  Tensor send_, receive_;  // kept alive
  std::vector<Message> messages_;
  std::size_t posted_ = 0, finished_ = 0;
  std::vector<void*> requests_;
};

}  // namespace wudao::comm::mpi
