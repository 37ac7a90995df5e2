#include "wudao/base/thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "wudao/base/affinity.h"
#include "wudao/base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wudao {
namespace {

constexpr auto kSpin = std::chrono::microseconds(40);  // a training step has a new region within this time

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// How many forks lie between the first process and this one. Asking the system for the process's number would cost more
// than a short region takes.
std::atomic<unsigned> forks{0};

unsigned process_number() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return forks.load(std::memory_order_relaxed);
}

// Waits until `done()`, at most `patience`; the clock is read rarely because reading it costs more than a pause.
template <class Done>
bool spin_until(Done done, std::chrono::microseconds patience) {
  if (done()) return true;
  if (patience.count() == 0) return false;
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

}  // namespace

// A region is open from the moment the caller publishes it until it finds no task left. A worker enters an open region
// by counting itself in, and the caller waits only for those that did: a worker that sleeps or is not scheduled costs
// nothing.
struct ThreadPool::State {
  static constexpr std::uint64_t kOpen = std::uint64_t{1} << 31;
  static constexpr std::uint64_t kInside = kOpen - 1;

  // The tasks that this thread is inside of, innermost first.
  struct Frame {
    const State* pool;
    int worker;
    const Frame* outer;
  };
  static thread_local const Frame* innermost;

  alignas(64) std::atomic<std::uint64_t> gate{0};  // region number << 32 | open | workers inside
  alignas(64) std::atomic<std::int64_t> next{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};

  Body body = nullptr;
  void* data = nullptr;
  std::int64_t tasks = 0;

  std::mutex turn;   // one region at a time
  std::mutex sleep;  // guards falling asleep
  std::condition_variable wake;
  std::mutex failure;
  std::exception_ptr error;
  std::int64_t error_task = 0;

  bool pin = false;
  std::chrono::microseconds patience{0};
  unsigned owner = process_number();
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
  }

  void work(int worker) {
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
      const auto news = [&] { return stop.load(std::memory_order_relaxed) || gate.load(std::memory_order_relaxed) >> 32 != seen; };
      if (!spin_until(news, patience)) fall_asleep(seen);
      if (try_enter(seen)) {
        work(worker);
        gate.fetch_sub(1, std::memory_order_release);
      }
    }
  }

  void open() {
    next.store(0, std::memory_order_relaxed);
    const std::uint64_t region = ((gate.load(std::memory_order_relaxed) >> 32) + 1) << 32;
    gate.store(region | kOpen);  // sequentially consistent, as is the count of sleepers: one of the two sees the other
    if (sleepers.load() > 0) {
      { const std::lock_guard lock(sleep); }
      wake.notify_all();
    }
  }

  void close() {
    gate.fetch_and(~kOpen, std::memory_order_acq_rel);
    const auto empty = [&] { return (gate.load(std::memory_order_acquire) & kInside) == 0; };
    while (!spin_until(empty, patience)) std::this_thread::yield();
  }
};

thread_local const ThreadPool::State::Frame* ThreadPool::State::innermost = nullptr;

ThreadPool::ThreadPool(int threads, bool pin) {
  if (threads < 1 || threads > 1024) fail<ConfigError>("threads", "count", "1 to 1024", text(threads));
  start(threads, pin);
}

// The caller, worker 0, is left unbound: threads that it starts later for others would inherit its binding.
void ThreadPool::start(int threads, bool pin) {
  state_ = std::make_unique<State>();
  const std::vector<int> allowed = allowed_processors();
  state_->pin = pin;
  // With more workers than processors spinning would only keep the others from working.
  if (static_cast<std::size_t>(threads) <= allowed.size()) state_->patience = kSpin;
  for (int worker = 1; worker < threads; ++worker) {
    state_->workers.emplace_back([state = state_.get(), worker] { state->serve(worker); });
    if (pin) pin_thread(state_->workers.back(), allowed[static_cast<std::size_t>(worker) % allowed.size()]);
  }
}

ThreadPool::~ThreadPool() {
  if (state_->owner != process_number()) {
    (void)state_.release();  // as in run()
    return;
  }
  {
    const std::lock_guard lock(state_->sleep);
    state_->stop.store(true);
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::size() const { return static_cast<int>(state_->workers.size()) + 1; }
bool ThreadPool::pinned() const { return state_->pin; }

void ThreadPool::run(std::int64_t tasks, Body body, void* data) {
  if (tasks <= 0) return;
  if (const State::Frame* frame = state_->frame_here()) {
    for (std::int64_t task = 0; task < tasks; ++task) body(data, task, frame->worker);
    return;
  }
  if (state_->owner != process_number()) {
    // A forked child has no workers, and locks that they held can never be released: leave all that and begin anew.
    const State* lost = state_.release();
    start(static_cast<int>(lost->workers.size()) + 1, lost->pin);
  }
  const std::lock_guard lock(state_->turn);
  state_->body = body;
  state_->data = data;
  state_->tasks = tasks;
  state_->error = nullptr;
  if (tasks == 1 || state_->workers.empty()) {
    state_->next.store(0, std::memory_order_relaxed);
    state_->work(0);
  } else {
    state_->open();
    state_->work(0);
    state_->close();
  }
  if (state_->error != nullptr) std::rethrow_exception(std::exchange(state_->error, nullptr));
}

}  // namespace wudao
