#include "wudao/tensor/arena.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "wudao/base/error.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace wudao {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

void* system_allocate(std::size_t bytes) {
  const bool huge = bytes >= kHugePage;
  const std::size_t alignment = huge ? kHugePage : kAlignment;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* block = std::aligned_alloc(alignment, rounded);
#ifdef MADV_HUGEPAGE
  // Only a hint; a kernel without huge pages refuses and nothing is lost.
  if (huge && block != nullptr) madvise(block, rounded, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

std::size_t size_class(std::size_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  const std::size_t power = std::bit_floor(bytes);
  const std::size_t grain = std::max(kAlignment, power / 8);
  return (bytes + grain - 1) / grain * grain;
}

Arena::~Arena() { trim(); }

void* Arena::allocate(std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  void* block = nullptr;
  std::vector<void*>& blocks = free_[size];
  if (!blocks.empty()) {
    block = blocks.back();
    blocks.pop_back();
    stats_.cached_bytes -= size;
  } else {
    block = system_allocate(size);
    ++stats_.system_calls;
  }
  if (block == nullptr) {
    fail<OutOfMemory>("memory", "bytes", text(size, " more beside the ", stats_.live_bytes, " in use"), "a refusal",
                      "Use a smaller batch, or recomputation of activations.");
  }
  stats_.live_bytes += size;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  return block;
}

void Arena::release(void* block, std::size_t bytes) noexcept {
  const std::size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  free_[size].push_back(block);
  stats_.live_bytes -= size;
  stats_.cached_bytes += size;
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
  for (auto& [size, blocks] : free_) {
    for (void* block : blocks) std::free(block);
    blocks.clear();
  }
  stats_.cached_bytes = 0;
}

}  // namespace wudao
