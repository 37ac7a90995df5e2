#include "wudao/comm/mpi/commons.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

#include "wudao/base/error.h"
#include "wudao/base/spin.h"

namespace wudao::comm::mpi {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kDeclined = std::numeric_limits<long>::max();
constexpr int kSpins = 100;
constexpr const char* kFolder = "/dev/shm";  // where MPIs on Linux keep it

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// At the begin of the part of each rank. Even and odd phases have places of their own: a rank can be one ahead.
struct alignas(64) Flag {
  std::atomic<long> phase;
  long bytes[2];
};

class Shared final : public Commons {
 public:
  Shared(Channel channel, void* node, Communicator& world, std::string name, const std::vector<int>& members)
      : channel_(std::move(channel)), node_(node), world_(world), name_(std::move(name)), members_(members) {
    parts_.resize(static_cast<std::size_t>(channel_.size));
    head_ = whole_pages(sizeof(Flag) + 2 * parts_.size() * sizeof(std::int64_t));
    grow(0);
  }

  void* room(std::size_t bytes) override {
    needed_ = bytes;
    if (bytes > capacity_ && spill_.size() < bytes) spill_.resize(bytes);
    return room_ = bytes > capacity_ ? spill_.data() : half(channel_.rank, phase_ + 1);
  }

  void decline() override { needed_ = kDeclined; }

  bool is_room(const void* data) const override { return room_ != nullptr && data == room_; }
  std::int64_t* numbers() override { return numbers_at(channel_.rank, phase_ + 1); }

  bool publish() override {
    const long phase = ++phase_;
    Flag& mine = flag(channel_.rank);
    mine.bytes[phase % 2] = static_cast<long>(needed_);
    mine.phase.store(phase, std::memory_order_release);
    await(phase);
    long largest = 0;
    for (int r = 0; r < channel_.size; ++r) largest = std::max(largest, flag(r).bytes[phase % 2]);
    const auto bytes = static_cast<std::size_t>(largest);
    if (bytes != kDeclined && bytes > capacity_) grow(bytes);
    needed_ = 0;
    room_ = nullptr;
    return bytes != kDeclined;
  }

  const void* of(int rank) const override { return half(rank, phase_); }
  const std::int64_t* numbers_of(int rank) const override { return numbers_at(rank, phase_); }

 private:
  Flag& flag(int rank) const { return *reinterpret_cast<Flag*>(parts_[static_cast<std::size_t>(rank)]); }

  std::int64_t* numbers_at(int rank, long phase) const {
    char* const first = parts_[static_cast<std::size_t>(rank)] + sizeof(Flag);
    return reinterpret_cast<std::int64_t*>(first) + static_cast<std::size_t>(phase % 2) * parts_.size();
  }

  char* half(int rank, long phase) const {
    return parts_[static_cast<std::size_t>(rank)] + head_ + static_cast<std::size_t>(phase % 2) * capacity_;
  }

  void await(long phase) {
    const auto all = [&] {
      for (int r = 0; r < channel_.size; ++r) {
        if (flag(r).phase.load(std::memory_order_acquire) < phase) return false;
      }
      return true;
    };
    for (int turn = 0; turn < kSpins; ++turn) {
      if (all()) return;
      pause_briefly();
    }
    channel_.arrivals->wait(all, Call{name_, "exchange in memory", phase, &members_});
  }

  // A window with two rooms of `bytes` for each rank; what this rank is about to publish moves there.
  void grow(std::size_t bytes) {
    const std::size_t capacity = whole_pages(bytes + bytes / 4);
    check_space((head_ + 2 * capacity) * parts_.size());
    const WudaoMpi& mpi = channel_.library->table();
    void* window = nullptr;
    std::vector<char*> parts(parts_.size());
    {
      const std::lock_guard lock(channel_.library->calls());
      void* own = nullptr;
      channel_.library->check(mpi.share(node_, static_cast<long>(head_ + 2 * capacity), &window, &own), "commons");
      for (std::size_t r = 0; r < parts.size(); ++r) {
        void* part = nullptr;
        channel_.library->check(mpi.shared_by(window, static_cast<int>(r), &part), "commons");
        parts[r] = static_cast<char*>(part);
      }
    }
    move_to(parts, capacity);
    world_.barrier();
    channel_.library->replace_window(window_, window);
    window_ = window;
  }

  void move_to(const std::vector<char*>& parts, std::size_t capacity) {
    char* const mine = parts[static_cast<std::size_t>(channel_.rank)];
    if (window_ == nullptr) {
      std::memset(mine, 0, head_);
    } else {
      std::memcpy(mine, parts_[static_cast<std::size_t>(channel_.rank)], head_);
    }
    if (needed_ > 0) {
      std::memcpy(mine + head_ + static_cast<std::size_t>(phase_ % 2) * capacity, room_, needed_);
    }
    spill_ = {};
    parts_ = parts;
    capacity_ = capacity;
  }

  // Memory that a full file system cannot give would end the process at the first touch.
  void check_space(std::size_t bytes) {
    struct statvfs about{};
    const bool known = statvfs(kFolder, &about) == 0;
    const std::size_t free = known ? about.f_bavail * about.f_frsize : bytes;
    std::int64_t fits = free >= bytes ? 1 : 0;
    std::vector<std::int64_t> all(parts_.size());
    world_.all_gather(Tensor::borrow(&fits, {1}, DType::kInt64, nullptr),
                      Tensor::borrow(all.data(), {channel_.size, 1}, DType::kInt64, nullptr));
    if (*std::min_element(all.begin(), all.end()) != 0) return;
    throw CommError(text("exchange: ", kFolder, ": expected ", bytes >> 20,
                         " MiB free for the ranks of this node, got ", free >> 20,
                         ". Give it more (docker run --shm-size), or set WUDAO_COMM_SHARED=0."));
  }

  Channel channel_;
  void* node_;
  Communicator& world_;
  std::string name_;
  const std::vector<int>& members_;
  void* window_ = nullptr;
  std::vector<char*> parts_;
  std::size_t head_ = 0, capacity_ = 0, needed_ = 0;
  long phase_ = 0;
  void* room_ = nullptr;
  std::vector<char> spill_;  // a room larger than there is, until all know
};

}  // namespace

std::unique_ptr<Commons> open_commons(const Channel& channel, Communicator& world, std::string name,
                                      const std::vector<int>& members) {
  void* node = nullptr;
  int rank = 0, size = 0;
  world.barrier();  // a rank that never comes is named here
  {
    const std::lock_guard lock(channel.library->calls());
    channel.library->check(channel.library->table().split_node(channel.comm, &node), "commons");
    channel.library->check(channel.library->table().place(node, &rank, &size), "commons");
  }
  std::int64_t together = channel.shared && size == channel.size ? 1 : 0;
  std::vector<std::int64_t> all(static_cast<std::size_t>(channel.size));
  world.all_gather(Tensor::borrow(&together, {1}, DType::kInt64, nullptr),
                   Tensor::borrow(all.data(), {channel.size, 1}, DType::kInt64, nullptr));
  if (*std::min_element(all.begin(), all.end()) == 0) return nullptr;
  return std::make_unique<Shared>(channel, node, world, std::move(name), members);
}

}  // namespace wudao::comm::mpi
