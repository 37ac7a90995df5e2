// What a step computed, as hashes: they tell afterwards whether a shard was computed right, and by whom not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "wudao/base/thread_pool.h"
#include "wudao/tensor/observer.h"

namespace wudao::train {

class Recorder final : public Observer {
 public:
  explicit Recorder(std::shared_ptr<ThreadPool> pool) : pool_(std::move(pool)) {}

  struct Entry {
    std::string what;  // what is shown again for a shard gets a number: "layers.0: linear 2, forward"
    int shard;
    std::vector<std::uint64_t> hashes;  // of each part
  };
  void show(const std::string& what, int shard, const std::vector<Tensor>& parts) override;
  const std::vector<Entry>& entries() const { return entries_; }  // in the order of the computation

  // Tests only: a fault to be found. The lowest bit of what is shown under this name is flipped before it is hashed.
  void disturb(std::string what, int shard) { disturbed_ = {std::move(what), shard}; }

  std::vector<double> losses;  // of each shard of the batch

 private:
  std::shared_ptr<ThreadPool> pool_;
  std::vector<Entry> entries_;
  std::map<std::pair<int, std::string>, int> times_;
  std::pair<std::string, int> disturbed_;
};

}  // namespace wudao::train
