#include <cstdint>
#include <limits>

#include "check.h"
#include "wudao/base/error.h"
#include "wudao/tensor/arena.h"

using wudao::Arena;
using wudao::size_class;

TEST(arena_size_classes_are_eighths_of_a_power_of_two) {
  CHECK_EQUAL(size_class(0), 64u);
  CHECK_EQUAL(size_class(1), 64u);
  CHECK_EQUAL(size_class(65), 128u);
  CHECK_EQUAL(size_class(1024), 1024u);
  CHECK_EQUAL(size_class(1025), 1152u);
  CHECK_EQUAL(size_class(2047), 2048u);
  for (std::size_t bytes = 512; bytes < 100000; bytes += 37) {
    CHECK(size_class(bytes) >= bytes);
    CHECK(size_class(bytes) - bytes <= bytes / 8);
    CHECK_EQUAL(size_class(size_class(bytes)), size_class(bytes));
  }
}

TEST(arena_reuses_what_was_released) {
  Arena arena;
  void* first = arena.allocate(1000);
  CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
  arena.release(first, 1000);
  CHECK_EQUAL(arena.stats().cached_bytes, 1024u);
  void* again = arena.allocate(1020);  // the same class
  CHECK(again == first);
  CHECK_EQUAL(arena.stats().system_calls, 1u);
  void* other = arena.allocate(2000);
  CHECK_EQUAL(arena.stats().system_calls, 2u);
  arena.release(again, 1020);
  arena.release(other, 2000);
}

TEST(arena_remembers_its_peak) {
  Arena arena;
  void* a = arena.allocate(4096);
  void* b = arena.allocate(4096);
  arena.release(a, 4096);
  CHECK_EQUAL(arena.stats().live_bytes, 4096u);
  CHECK_EQUAL(arena.stats().peak_bytes, 8192u);
  arena.reset_peak();
  CHECK_EQUAL(arena.stats().peak_bytes, 4096u);
  arena.release(b, 4096);
  CHECK_EQUAL(arena.stats().live_bytes, 0u);
}

TEST(arena_trims) {
  Arena arena;
  void* huge = arena.allocate(std::size_t{5} << 20);
  arena.release(huge, std::size_t{5} << 20);
  CHECK(arena.stats().cached_bytes > 0);
  arena.trim();
  CHECK_EQUAL(arena.stats().cached_bytes, 0u);
  void* fresh = arena.allocate(std::size_t{5} << 20);
  CHECK_EQUAL(arena.stats().system_calls, 2u);
  arena.release(fresh, std::size_t{5} << 20);
}

TEST(arena_names_the_size_that_was_refused) {
  Arena arena;
  void* kept = arena.allocate(64);
  const std::string message = MESSAGE_OF(wudao::OutOfMemory, arena.allocate(std::size_t{1} << 60));
  CHECK_EQUAL(message.rfind("memory: bytes: expected 1152921504606846976 more beside the 64 in use, got a refusal.", 0), 0u);
  CHECK_EQUAL(arena.stats().live_bytes, 64u);
  arena.release(kept, 64);
}
