#include "wudao/comm/mpi/world.h"

#include <algorithm>
#include <cstring>

#include "wudao/base/error.h"
#include "wudao/comm/arguments.h"
#include "wudao/comm/mpi/commons.h"
#include "wudao/comm/mpi/exchange.h"
#include "wudao/comm/rooms.h"

namespace wudao::comm::mpi {
namespace {

constexpr int kFirstOwnTag = kMaxTag + 1, kOwnTags = 8192;  // behind those of send and receive; MPI grants 32767
constexpr std::size_t kLargest = std::size_t{1} << 30;

class World final : public Communicator {
 public:
  World(Channel channel, std::string name) : channel_(std::move(channel)), name_(std::move(name)) {
    for (void** own : {&barriers_, &broadcasts_, &gathers_}) {
      const std::lock_guard lock(channel_.library->calls());
      channel_.library->check(channel_.library->table().adopt(channel_.comm, own), "mpi");
    }
    learn_members();
  }

  ~World() override {
    if (channel_.library->ended()) return;
    for (void* comm : {channel_.comm, barriers_, broadcasts_, gathers_}) channel_.library->table().release(comm);
  }

  int rank() const override { return channel_.rank; }
  int size() const override { return channel_.size; }
  std::string describe() const override { return text("mpi, ", channel_.library->version()); }

  void barrier() override {
    run("barrier", [&](const WudaoMpi& mpi, void** request) { return mpi.barrier(barriers_, request); });
  }

  void broadcast(const Tensor& data, int root) override {
    check_rank("broadcast", "root", root, size());
    auto* at = static_cast<char*>(data.raw());
    for (std::size_t left = data.bytes(); left > 0;) {
      const std::size_t bytes = std::min(left, kLargest);
      run("broadcast", [&](const WudaoMpi& mpi, void** request) {
        return mpi.broadcast(broadcasts_, at, static_cast<int>(bytes), root, request);
      });
      at += bytes;
      left -= bytes;
    }
  }

  void all_gather(const Tensor& mine, const Tensor& all) override {
    check_gathered(mine, all, size());
    if (mine.bytes() > kLargest) return gather_by_messages(mine, all);
    gather(mine.raw(), all.raw(), static_cast<int>(mine.bytes()));
  }

  std::unique_ptr<Request> start_all_to_all_v(const RowBlocks& send, const RowBlocks& receive) override {
    check_blocks(send, receive, rank(), size());
    const std::int64_t row =
        send.rows.dim(0) == 0 ? 0 : static_cast<std::int64_t>(send.rows.bytes()) / send.rows.dim(0);
    for (int r = 0; r < size(); ++r) {
      const std::int64_t rows = send.counts[static_cast<std::size_t>(r)];
      if (r != rank() && rows > 0) count(r, rows * row);
    }
    Call call = next("all_to_all_v");
    const int tag = kFirstOwnTag + static_cast<int>(call.number % kOwnTags);
    return std::make_unique<Exchange>(channel_, send, receive, tag, std::move(call));
  }

  void all_to_all_v(const RowBlocks& send, const RowBlocks& receive) override {
    if (size() == 1 || commons() == nullptr || !exchange_in_rooms(*this, send, receive)) {
      Communicator::all_to_all_v(send, receive);
    }
  }

  Commons* commons() override {
    if (!asked_) {
      asked_ = true;
      commons_ = open_commons(channel_, *this, name_, members_);
    }
    return commons_.get();
  }

  void send(const Tensor& data, int to, int tag) override {
    check_rank("send", "to", to, size());
    check_tag("send", tag);
    pass("send", to, data, [&](const WudaoMpi& mpi, char* at, int bytes, void** request) {
      return mpi.send(channel_.comm, at, bytes, to, tag, request);
    });
  }

  void receive(const Tensor& data, int from, int tag) override {
    check_rank("receive", "from", from, size());
    check_tag("receive", tag);
    pass("receive", from, data, [&](const WudaoMpi& mpi, char* at, int bytes, void** request) {
      return mpi.receive(channel_.comm, at, bytes, from, tag, request);
    });
  }

  std::shared_ptr<Communicator> split(int color, int key) override {
    check_color(color);
    barrier();  // a rank that never comes is named here; MPI's own split would wait for ever
    Channel part = channel_;
    {
      const std::lock_guard lock(channel_.library->calls());
      channel_.library->check(channel_.library->table().split(channel_.comm, color, key, &part.comm), "split");
      channel_.library->check(channel_.library->table().place(part.comm, &part.rank, &part.size), "split");
    }
    return std::make_shared<World>(std::move(part), text(name_, "/", color));
  }

 private:
  Call next(const char* op) { return {name_, op, ++calls_, &members_}; }

  template <class Post>
  void run(const char* op, Post&& post) {
    run(next(op), post);
  }

  template <class Post>
  void run(const Call& call, Post&& post) {
    void* request = nullptr;
    {
      const std::lock_guard lock(channel_.library->calls());
      channel_.library->check(post(channel_.library->table(), &request), call.op.c_str());
    }
    channel_.arrivals->wait(&request, call);
  }

  // A message in pieces that MPI can count. It is between two ranks and no call of all.
  template <class Post>
  void pass(const char* op, int peer, const Tensor& data, Post&& post) {
    const std::vector<int> members = {members_[static_cast<std::size_t>(peer)]};
    auto* at = static_cast<char*>(data.raw());
    std::size_t left = data.bytes();
    do {
      const std::size_t bytes = std::min(left, kLargest);
      run(Call{name_, op, calls_, &members},
          [&](const WudaoMpi& mpi, void** request) { return post(mpi, at, static_cast<int>(bytes), request); });
      at += bytes;
      left -= bytes;
    } while (left > 0);
  }

  void gather(const void* mine, void* all, int bytes) {
    run("all_gather",
        [&](const WudaoMpi& mpi, void** request) { return mpi.all_gather(gathers_, mine, all, bytes, request); });
  }

  void gather_by_messages(const Tensor& mine, const Tensor& all) {
    const auto bytes = static_cast<std::int64_t>(mine.bytes());
    for (int root = 0; root < size(); ++root) {
      char* const at = static_cast<char*>(all.raw()) + root * bytes;
      if (root == rank()) std::memcpy(at, mine.raw(), mine.bytes());
      broadcast(Tensor::borrow(at, {bytes}, DType::kUInt8, nullptr), root);
    }
  }

  void learn_members() {
    members_.assign(static_cast<std::size_t>(channel_.size), 0);
    const int own = channel_.arrivals->rank();
    std::vector<int> found(members_.size());
    gather(&own, found.data(), static_cast<int>(sizeof own));
    members_ = std::move(found);
  }

  Channel channel_;
  // Ranks that are in different collectives must not take each other's messages for their own: they wait until the
  // deadline instead, and are named.
  void *barriers_ = nullptr, *broadcasts_ = nullptr, *gathers_ = nullptr;
  std::string name_;
  long calls_ = 0;
  std::vector<int> members_;  // ranks in the world
  bool asked_ = false;        // for the commons
  std::unique_ptr<Commons> commons_;
};

}  // namespace

std::shared_ptr<Communicator> open_world(const std::shared_ptr<Library>& library, const WorldOptions& options) {
  library->start();
  Channel channel{library, nullptr, nullptr, 0, 1, options.shared};
  void* control = nullptr;
  const WudaoMpi& mpi = library->table();
  library->check(mpi.adopt(options.handle, &channel.comm), "mpi");
  library->check(mpi.adopt(options.handle, &control), "mpi");
  library->check(mpi.place(channel.comm, &channel.rank, &channel.size), "mpi");
  channel.arrivals = std::make_shared<Arrivals>(library, control, std::chrono::duration<double>(options.timeout));
  return std::make_shared<World>(std::move(channel), "world");
}

}  // namespace wudao::comm::mpi
