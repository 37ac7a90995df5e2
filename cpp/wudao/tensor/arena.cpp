#include "wudao/tensor/arena.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "wudao/base/error.h"
#include "wudao/base/system_memory.h"

namespace wudao {
namespace {

constexpr std::size_t kAlignment = 64, kMiB = std::size_t{1} << 20;
// Small blocks live apart from large ones, so that a bias does not keep the room of an activation from growing together.
constexpr std::size_t kSmall = kMiB / 2, kSmallSegment = 2 * kMiB, kLargeSegment = 32 * kMiB;

std::size_t rounded(std::size_t bytes, std::size_t step) {
  return std::max(step, bytes + (step - bytes % step) % step);
}

}  // namespace

Arena::~Arena() { trim(); }

void* Arena::allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes, kAlignment);
  const std::lock_guard lock(mutex_);
  const Blocks::iterator block = take(size);
  split(block, size);
  stats_.live_bytes += size;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  return block->first;
}

// A block of at least `size` bytes, no longer listed as free.
Arena::Blocks::iterator Arena::take(std::size_t size) {
  auto& free = free_[size <= kSmall];
  const auto found = free.lower_bound({size, nullptr});
  if (found == free.end()) return new_segment(size);
  const Blocks::iterator block = blocks_.find(found->second);
  list(block, false);
  return block;
}

Arena::Blocks::iterator Arena::new_segment(std::size_t size) {
  const bool small = size <= kSmall;
  const std::size_t wanted = !caches_ ? size : small ? kSmallSegment : rounded(std::max(size, kLargeSegment), kHugePage);
  void* memory = allocate_system_memory(wanted);
  if (memory == nullptr) {
    trim_locked();
    memory = allocate_system_memory(wanted);
  }
  if (memory == nullptr) {
    fail<OutOfMemory>("memory", "bytes", text(size, " more beside the ", stats_.live_bytes, " in use"), "a refusal",
                      "Use a smaller batch, or recomputation of activations.");
  }
  ++stats_.system_calls;
  return blocks_.insert({static_cast<char*>(memory), {wanted, small, true, false}}).first;
}

// Leaves what lies behind the first `size` bytes free.
void Arena::split(Blocks::iterator block, std::size_t size) {
  auto& [address, about] = *block;
  if (about.size == size) return;
  const auto rest = blocks_.insert({address + size, {about.size - size, about.small, false, false}}).first;
  about.size = size;
  list(rest, true);
}

void Arena::release(void* memory, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  stats_.live_bytes -= rounded(bytes, kAlignment);
  Blocks::iterator block = blocks_.find(static_cast<char*>(memory));
  if (!caches_) {
    blocks_.erase(block);
    return std::free(memory);
  }
  if (const auto next = std::next(block); next != blocks_.end() && next->second.free && !next->second.first) {
    list(next, false);
    absorb(block, next);
  }
  if (!block->second.first && std::prev(block)->second.free) {
    const auto previous = std::prev(block);
    list(previous, false);
    absorb(previous, block);
    block = previous;
  }
  list(block, true);
}

// Makes one block of two neighbours.
void Arena::absorb(Blocks::iterator left, Blocks::iterator right) {
  left->second.size += right->second.size;
  blocks_.erase(right);
}

void Arena::list(Blocks::iterator block, bool free) {
  auto& [address, about] = *block;
  about.free = free;
  if (free) {
    free_[about.small].insert({about.size, address});
    stats_.cached_bytes += about.size;
  } else {
    free_[about.small].erase({about.size, address});
    stats_.cached_bytes -= about.size;
  }
}

ArenaStats Arena::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Arena::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak_bytes = stats_.live_bytes;
}

void Arena::trim() {
  const std::lock_guard lock(mutex_);
  trim_locked();
}

void Arena::trim_locked() noexcept {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    const auto next = std::next(block);
    const bool whole = block->second.first && (next == blocks_.end() || next->second.first);
    if (whole && block->second.free) {
      list(block, false);
      std::free(block->first);
      blocks_.erase(block);
    }
    block = next;
  }
}

}  // namespace wudao
