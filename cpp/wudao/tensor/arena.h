// A caching allocator. Blocks come in size classes (eighths of a power of two) and return to a free list, so a training
// loop allocates from the system in its first step only. It counts live bytes and remembers the high-water mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace wudao {

struct ArenaStats {
  std::size_t live_bytes = 0;    // held by tensors now
  std::size_t peak_bytes = 0;    // most ever live since the last reset_peak
  std::size_t cached_bytes = 0;  // taken from the system, free now
  std::uint64_t system_calls = 0;
};

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, contents undefined. Throws OutOfMemory naming the size.
  void* allocate(std::size_t bytes);
  void release(void* block, std::size_t bytes) noexcept;

  ArenaStats stats() const;
  void reset_peak();
  void trim();  // gives all cached blocks back to the system

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;  // by rounded size
  ArenaStats stats_;
};

// The size class of a request: rounded up so that at most an eighth is wasted.
std::size_t size_class(std::size_t bytes);

}  // namespace wudao
