#include "wudao/base/thread_pool.h"

#include <pthread.h>

#include <vector>

#include "wudao/base/affinity.h"
#include "wudao/base/error.h"
#include "wudao/base/thread_pool_state.h"

namespace wudao {
namespace {

constexpr auto kSpin = std::chrono::microseconds(40);  // a training step has a new region within this time

// How many forks lie between the first process and this one. Asking the system for the process's number would cost more
// than a short region takes.
std::atomic<unsigned> forks{0};

unsigned process_number() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return forks.load(std::memory_order_relaxed);
}

}  // namespace

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
  state_->owner = process_number();
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
int ThreadPool::worker() const {
  const State::Frame* frame = state_->frame_here();
  return frame == nullptr ? 0 : frame->worker;
}
bool ThreadPool::pinned() const { return state_->pin; }

void ThreadPool::revive() {
  if (state_->owner == process_number()) return;
  // A forked child has no workers, and locks that they held can never be released: leave all that and begin anew.
  const State* lost = state_.release();
  start(static_cast<int>(lost->workers.size()) + 1, lost->pin);
}

void ThreadPool::run(std::int64_t tasks, Body body, void* data) {
  if (tasks <= 0) return;
  if (const State::Frame* frame = state_->frame_here()) {
    if (frame->place != nullptr) return state_->share(*frame, tasks, body, data);
    for (std::int64_t task = 0; task < tasks; ++task) body(data, task, frame->worker);
    return;
  }
  revive();
  const std::lock_guard lock(state_->turn);
  state_->body = body;
  state_->program = nullptr;
  state_->data = data;
  state_->tasks = tasks;
  state_->run_region(tasks > 1);
}

void ThreadPool::run_program(Program program, void* data) {
  if (const State::Frame* frame = state_->frame_here()) return program(data, frame->worker);
  revive();
  const std::lock_guard lock(state_->turn);
  state_->program = program;
  state_->data = data;
  state_->loops.begin();
  state_->run_region(true);
}

}  // namespace wudao
