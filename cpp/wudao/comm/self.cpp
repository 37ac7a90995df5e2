#include "wudao/comm/self.h"

#include <cstring>
#include <deque>
#include <utility>

#include "wudao/base/error.h"
#include "wudao/comm/arguments.h"
#include "wudao/comm/reduce.h"

namespace wudao::comm {
namespace {

class Done final : public Request {
 public:
  void wait() override {}
};

class Self final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string describe() const override { return "self, one process"; }

  void barrier() override {}
  void broadcast(const Tensor&, int root) override { check_rank("broadcast", "root", root, 1); }
  void all_gather(const Tensor& mine, const Tensor& all) override {
    check_gathered(mine, all, 1);
    copy_bytes(mine, all);
  }

  std::unique_ptr<Request> start_all_to_all_v(const RowBlocks& send, const RowBlocks& receive) override {
    check_blocks(send, receive, 0, 1);
    copy_bytes(send.rows, receive.rows);
    return std::make_unique<Done>();
  }

  // A message to oneself waits to be received.
  void send(const Tensor& data, int to, int tag) override {
    check_rank("send", "to", to, 1);
    check_tag("send", tag);
    const auto* first = static_cast<const std::byte*>(data.raw());
    letters_.emplace_back(tag, std::vector<std::byte>(first, first + data.bytes()));
  }

  void receive(const Tensor& data, int from, int tag) override {
    check_rank("receive", "from", from, 1);
    check_tag("receive", tag);
    for (auto letter = letters_.begin(); letter != letters_.end(); ++letter) {
      if (letter->first != tag) continue;
      if (letter->second.size() != data.bytes()) {
        fail<CommError>("receive", "array", text(letter->second.size(), " bytes, as sent"), text(data.bytes()),
                        "Give an array of that size.");
      }
      if (!letter->second.empty()) std::memcpy(data.raw(), letter->second.data(), data.bytes());
      letters_.erase(letter);
      return;
    }
    fail<CommError>("receive", "tag", "a message that this process sent to itself before", text(tag),
                    "Nobody else can send one.");
  }

  std::shared_ptr<Communicator> split(int color, int) override {
    check_color(color);
    return std::make_shared<Self>();
  }

 private:
  std::deque<std::pair<int, std::vector<std::byte>>> letters_;
};

}  // namespace

std::shared_ptr<Communicator> make_self() { return std::make_shared<Self>(); }

}  // namespace wudao::comm
