// What the threads of a pool share. Private to thread_pool.cpp.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "wudao/base/shared_loops.h"
#include "wudao/base/spin.h"
#include "wudao/base/thread_pool.h"

namespace wudao {

// A region is open from the moment the caller publishes it until it finds no task left. A worker enters an open region
// by counting itself in, and the caller waits only for those that did: a worker that sleeps or is not scheduled costs
// nothing.
struct ThreadPool::State {
  static constexpr std::uint64_t kOpen = std::uint64_t{1} << 31;
  static constexpr std::uint64_t kInside = kOpen - 1;

  // The tasks and programs that this thread is inside of, innermost first.
  struct Frame {
    const State* pool;
    int worker;
    const Frame* outer;
    SharedLoops::Place* place = nullptr;  // of a program; null: a task
  };
  static thread_local const Frame* innermost;

  alignas(64) std::atomic<std::uint64_t> gate{0};  // region number << 32 | open | workers inside
  alignas(64) std::atomic<std::int64_t> next{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};

  Body body = nullptr;
  Program program = nullptr;  // instead of a body
  void* data = nullptr;
  std::int64_t tasks = 0;
  SharedLoops loops;
  std::atomic<bool> failed{false};

  std::mutex turn;   // one region at a time
  std::mutex sleep;  // guards falling asleep
  std::condition_variable wake;
  std::mutex failure;
  std::exception_ptr error;
  std::int64_t error_task = 0;

  bool pin = false;
  std::chrono::microseconds patience{0};
  unsigned owner = 0;  // the number of the process that the workers are in
  std::vector<std::thread> workers;

  const Frame* frame_here() const {
    const Frame* frame = innermost;
    while (frame != nullptr && frame->pool != this) frame = frame->outer;
    return frame;
  }

  // Of several failures the one of the lowest task is kept. Tasks are claimed in order, so all lower ones were claimed
  // when this one was: which error the user sees does not depend on timing.
  void keep_failure(std::int64_t task) {
    const std::lock_guard lock(failure);
    if (error == nullptr || task < error_task) {
      error = std::current_exception();
      error_task = task;
    }
    next.store(tasks, std::memory_order_relaxed);
    failed.store(true, std::memory_order_relaxed);
  }

  void work(int worker) {
    if (program != nullptr) return run_program(worker);
    const Frame frame{this, worker, innermost};
    innermost = &frame;
    for (;;) {
      const std::int64_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks) break;
      try {
        body(data, task, worker);
      } catch (...) {
        keep_failure(task);
      }
    }
    innermost = frame.outer;
  }

  void run_program(int worker) {
    SharedLoops::Place place;
    const Frame frame{this, worker, innermost, &place};
    innermost = &frame;
    try {
      program(data, worker);
    } catch (...) {
      keep_failure(0);
    }
    innermost = frame.outer;
  }

  // A loop of a program. After a failure nothing more is done, but every loop is gone through.
  void share(const Frame& at, std::int64_t count, Body loop_body, void* loop_data) {
    const Frame frame{this, at.worker, innermost};
    innermost = &frame;
    const auto task = [&](std::int64_t i) {
      if (failed.load(std::memory_order_relaxed)) return;
      try {
        loop_body(loop_data, i, at.worker);
      } catch (...) {
        keep_failure(i);
      }
    };
    loops.run(*at.place, at.worker, static_cast<int>(workers.size()) + 1, count, task, [&](auto done) { wait(done); });
    innermost = frame.outer;
  }

  bool try_enter(std::uint64_t& seen) {
    std::uint64_t now = gate.load(std::memory_order_acquire);
    while ((now & kOpen) != 0 && now >> 32 != seen) {
      if (gate.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) {
        seen = now >> 32;
        return true;
      }
    }
    seen = now >> 32;
    return false;
  }

  void fall_asleep(std::uint64_t seen) {
    std::unique_lock lock(sleep);
    sleepers.fetch_add(1);
    wake.wait(lock, [&] { return stop.load() || gate.load() >> 32 != seen; });
    sleepers.fetch_sub(1);
  }

  void serve(int worker) {
    std::uint64_t seen = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const auto news = [&] {
        return stop.load(std::memory_order_relaxed) || gate.load(std::memory_order_relaxed) >> 32 != seen;
      };
      if (!spin_until(news, patience)) fall_asleep(seen);
      if (try_enter(seen)) {
        work(worker);
        gate.fetch_sub(1, std::memory_order_release);
      }
    }
  }

  // The others have taken up what we wait for: patience at first, then the processor is theirs.
  template <class Done>
  void wait(Done done) const {
    while (!spin_until(done, patience)) std::this_thread::yield();
  }

  void open() {
    next.store(0, std::memory_order_relaxed);
    const std::uint64_t region = ((gate.load(std::memory_order_relaxed) >> 32) + 1) << 32;
    gate.store(region | kOpen);  // sequentially consistent, as is the count of sleepers: one of the two sees the other
    if (sleepers.load() > 0) {
      {
        const std::lock_guard lock(sleep);
      }
      wake.notify_all();
    }
  }

  void close() {
    gate.fetch_and(~kOpen, std::memory_order_acq_rel);
    const auto empty = [&] { return (gate.load(std::memory_order_acquire) & kInside) == 0; };
    wait(empty);
  }

  // What has been set up, alone or with the workers.
  void run_region(bool shared) {
    error = nullptr;
    failed.store(false, std::memory_order_relaxed);
    if (shared && !workers.empty()) {
      open();
      work(0);
      close();
    } else {
      next.store(0, std::memory_order_relaxed);
      work(0);
    }
    if (error != nullptr) std::rethrow_exception(std::exchange(error, nullptr));
  }
};

}  // namespace wudao
