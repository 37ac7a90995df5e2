// A caching allocator. Memory comes from the system in segments. A request takes the smallest free block that holds it
// and leaves the rest free; free neighbours grow together again. So a loop whose shapes change from step to step needs
// little more memory than its largest step. It counts live bytes and remembers the high-water mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace wudao {

struct ArenaStats {
  std::size_t live_bytes = 0;    // held by tensors now
  std::size_t peak_bytes = 0;    // most ever live since the last reset_peak
  std::size_t cached_bytes = 0;  // taken from the system, free now
  std::uint64_t system_calls = 0;
};

// The address sanitizer sees a use after release only if the block goes back to the system.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kArenaCaches = false;
#else
constexpr bool kArenaCaches = true;
#endif

class Arena {
 public:
  explicit Arena(bool caches = kArenaCaches) : caches_(caches) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, contents undefined. Throws OutOfMemory naming the size.
  void* allocate(std::size_t bytes);
  void release(void* block, std::size_t bytes) noexcept;

  ArenaStats stats() const;
  void reset_peak();
  void trim();  // gives all segments without a live block back to the system

 private:
  struct Block {
    std::size_t size;
    bool small;  // cut from a segment for small blocks
    bool first;  // of its segment
    bool free;
  };
  using Blocks = std::map<char*, Block>;

  Blocks::iterator take(std::size_t size);
  Blocks::iterator new_segment(std::size_t size);
  void split(Blocks::iterator block, std::size_t size);
  void absorb(Blocks::iterator left, Blocks::iterator right);
  void list(Blocks::iterator block, bool free);
  void trim_locked() noexcept;

  mutable std::mutex mutex_;
  const bool caches_;
  Blocks blocks_;                                    // all, by address
  std::set<std::pair<std::size_t, char*>> free_[2];  // by size; [1]: the small ones
  ArenaStats stats_;
};

}  // namespace wudao
