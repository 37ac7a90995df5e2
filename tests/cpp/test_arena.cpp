#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "check.h"
#include "wudao/base/error.h"
#include "wudao/tensor/arena.h"

using wudao::Arena;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Held {
  char* block;
  std::size_t bytes;
  char mark;
};

void check_mark(const Held& held) {
  CHECK_EQUAL(held.block[0], held.mark);
  CHECK_EQUAL(held.block[held.bytes - 1], held.mark);
}

}  // namespace

TEST(arena_reuses_what_was_released) {
  Arena arena(true);
  void* first = arena.allocate(1000);
  CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(first) % 64, 0u);
  CHECK_EQUAL(arena.stats().live_bytes, 1024u);
  arena.release(first, 1000);
  void* again = arena.allocate(1020);
  CHECK(again == first);
  void* other = arena.allocate(2000);
  CHECK(static_cast<char*>(other) == static_cast<char*>(again) + 1024);  // what is left of a block serves others
  CHECK_EQUAL(arena.stats().system_calls, 1u);
  arena.release(again, 1020);
  arena.release(other, 2000);
}

TEST(arena_joins_free_neighbours) {
  Arena arena(true);
  char* blocks[8];
  for (char*& block : blocks) block = static_cast<char*>(arena.allocate(4 * kMiB));  // all of a segment
  CHECK_EQUAL(arena.stats().cached_bytes, 0u);
  for (const int i : {1, 5, 3, 7, 2, 6, 4}) arena.release(blocks[i], 4 * kMiB);
  void* large = arena.allocate(28 * kMiB);
  CHECK(large == blocks[1]);
  CHECK_EQUAL(arena.stats().system_calls, 1u);
  arena.release(large, 28 * kMiB);
  arena.release(blocks[0], 4 * kMiB);
}

TEST(arena_takes_the_smallest_block_that_is_large_enough) {
  Arena arena(true);
  void* a = arena.allocate(10 * kMiB);
  void* kept = arena.allocate(kMiB);
  void* b = arena.allocate(4 * kMiB);
  void* last = arena.allocate(17 * kMiB);
  arena.release(a, 10 * kMiB);
  arena.release(b, 4 * kMiB);
  void* c = arena.allocate(3 * kMiB);
  CHECK(c == b);
  for (const auto& [block, size] : {std::pair{kept, kMiB}, {last, 17 * kMiB}, {c, 3 * kMiB}}) arena.release(block, size);
}

TEST(arena_needs_little_more_than_the_largest_step) {
  Arena arena(true);
  std::mt19937 random(1);
  std::size_t largest = 0;
  for (int step = 0; step < 300; ++step) {
    std::vector<Held> held;  // what a step of a certain length keeps for its way back, of all sizes
    const std::size_t length = 20 + random() % 80;
    for (int layer = 0; layer < 12; ++layer) {
      for (const std::size_t width : {12u, 3000u, 9000u, 3000u, 12000u}) {
        const std::size_t bytes = length * width;
        held.push_back({static_cast<char*>(arena.allocate(bytes)), bytes, static_cast<char>(random())});
        held.back().block[0] = held.back().block[bytes - 1] = held.back().mark;
      }
    }
    largest = std::max(largest, arena.stats().live_bytes);
    for (; !held.empty(); held.pop_back()) {
      check_mark(held.back());
      arena.release(held.back().block, held.back().bytes);
    }
  }
  CHECK_EQUAL(arena.stats().live_bytes, 0u);
  CHECK(arena.stats().cached_bytes < largest * 3 / 2 + 34 * kMiB);
}

TEST(arena_keeps_blocks_apart_in_any_order) {
  for (const bool caches : {true, false}) {
    Arena arena(caches);
    std::mt19937 random(2);
    std::vector<Held> held;
    for (int i = 0; i < 20000; ++i) {
      if (held.empty() || (held.size() < 200 && random() % 2 == 0)) {
        const std::size_t bytes = std::size_t{1} << random() % 22, size = bytes + random() % bytes;
        held.push_back({static_cast<char*>(arena.allocate(size)), size, static_cast<char>(random())});
        held.back().block[0] = held.back().block[size - 1] = held.back().mark;
      } else {
        std::swap(held[random() % held.size()], held.back());
        check_mark(held.back());
        arena.release(held.back().block, held.back().bytes);
        held.pop_back();
      }
    }
    for (const Held& one : held) arena.release(one.block, one.bytes);
    CHECK_EQUAL(arena.stats().live_bytes, 0u);
    arena.trim();
    CHECK_EQUAL(arena.stats().cached_bytes, 0u);  // all neighbours were joined, or a segment would have been kept
  }
}

TEST(arena_remembers_its_peak) {
  Arena arena(true);
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
  Arena arena(true);
  void* huge = arena.allocate(40 * kMiB);
  void* small = arena.allocate(64);
  arena.release(huge, 40 * kMiB);
  CHECK(arena.stats().cached_bytes > 40 * kMiB);
  arena.trim();
  CHECK_EQUAL(arena.stats().cached_bytes, 2 * kMiB - 64);  // the segment of the live block
  void* fresh = arena.allocate(40 * kMiB);
  CHECK_EQUAL(arena.stats().system_calls, 3u);
  arena.release(fresh, 40 * kMiB);
  arena.release(small, 64);
}

TEST(arena_names_the_size_that_was_refused) {
  Arena arena(true);
  void* kept = arena.allocate(64);
  const std::string message = MESSAGE_OF(wudao::OutOfMemory, arena.allocate(std::size_t{1} << 60));
  CHECK_EQUAL(message.rfind("memory: bytes: expected 1152921504606846976 more beside the 64 in use, got a refusal.", 0), 0u);
  CHECK_EQUAL(arena.stats().live_bytes, 64u);
  arena.release(kept, 64);
}
