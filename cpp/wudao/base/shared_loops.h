// Loops whose tasks several workers share while each of them runs the same program.
//
// Nobody goes past a loop before all its tasks are done. A worker that comes late, or not at all, holds nobody up: the
// others do its tasks, and it passes the loops that are done. Everyone begins with a stretch of tasks of his own, since
// neighbouring tasks read neighbouring memory, and then helps with the other stretches.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace wudao {

class SharedLoops {
 public:
  // How far a worker has come: loops of the program, and their tasks in all.
  struct Place {
    std::uint64_t loops = 0, tasks = 0;
  };

  // Before the workers begin.
  void begin() {
    for (Slot& slot : slots_) slot.claimed.store(0, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
  }

  // The next loop of the worker at `place`: calls task(i) for those tasks that fall to it, and wait(done) until the
  // others have done theirs.
  template <class Task, class Wait>
  void run(Place& place, int worker, int workers, std::int64_t tasks, Task&& task, Wait&& wait) {
    const std::int64_t stretches = std::min<std::int64_t>({workers, tasks, kStretches});
    ++place.loops;
    place.tasks += static_cast<std::uint64_t>(tasks);
    std::uint64_t mine = 0;
    for (std::int64_t i = 0; i < stretches; ++i) {
      const std::int64_t stretch = (worker + i) % stretches, begin = stretch * tasks / stretches;
      const std::int64_t size = (stretch + 1) * tasks / stretches - begin;
      for (std::int64_t next = claim(stretch, place.loops, size); next < size; ++mine) {
        task(begin + next);
        next = claim(stretch, place.loops, size);
      }
    }
    if (mine > 0) done_.fetch_add(mine, std::memory_order_acq_rel);
    wait([&] { return done_.load(std::memory_order_acquire) >= place.tasks; });
  }

 private:
  static constexpr std::int64_t kStretches = 8;  // everyone looks at all of them, in every loop

  // The number of the loop << 32 | tasks claimed of this stretch. A slot of an earlier loop stands for none.
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> claimed{0};
  };

  // A task of a stretch of `size`; size if there is none left.
  std::int64_t claim(std::int64_t stretch, std::uint64_t loop, std::int64_t size) {
    std::atomic<std::uint64_t>& slot = slots_[static_cast<std::size_t>(stretch)].claimed;
    std::uint64_t seen = slot.load(std::memory_order_relaxed);
    for (;;) {
      if (seen >> 32 > loop) return size;
      const std::uint64_t next = seen >> 32 == loop ? seen & 0xFFFFFFFF : 0;
      if (next >= static_cast<std::uint64_t>(size)) return size;
      if (slot.compare_exchange_weak(seen, loop << 32 | (next + 1), std::memory_order_relaxed))
        return static_cast<std::int64_t>(next);
    }
  }

  std::array<Slot, kStretches> slots_;
  alignas(64) std::atomic<std::uint64_t> done_{0};  // tasks of all loops so far
};

}  // namespace wudao
