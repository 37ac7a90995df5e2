// The one thread pool: every parallel loop of the engine runs on it.
//
// Tasks are claimed one by one by whoever is free, so the result of a task must depend on its number alone, never on
// the worker. That, and a fixed order of sums inside a task, is why the bits do not depend on the thread count.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace wudao {

class ThreadPool {
 public:
  // `body(data, task, worker)` with 0 <= worker < size().
  using Body = void (*)(void* data, std::int64_t task, int worker);
  using Program = void (*)(void* data, int worker);

  // The calling thread works too: `threads` counts it. Pinning binds worker i to the i-th processor allowed to us; the
  // calling thread, worker 0, stays as it was. A forked child gets workers of its own when it first needs them.
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;
  bool pinned() const;
  int worker() const;  // the number of the calling thread in here; 0 outside of tasks and programs

  // Runs tasks 0..tasks-1 and returns when all are done. The first exception thrown by a task is rethrown here.
  // A call from inside a task runs its tasks on the spot. Calls from several threads take turns.
  void run(std::int64_t tasks, Body body, void* data);

  template <class F>
  void for_each(std::int64_t tasks, F&& f) {
    run(
        tasks,
        [](void* data, std::int64_t task, int worker) {
          (*static_cast<std::remove_reference_t<F>*>(data))(task, worker);
        },
        &f);
  }

  // Runs the program f(worker) on the calling thread and on every worker that comes, as one region. Inside it `run` and
  // `for_each` begin no region of their own: their tasks are shared by all who are there, and nobody goes on before
  // all are done, so that a loop costs a fraction of a microsecond. Every worker has to run the same loops in the same
  // order. What stands between loops is done by each for itself, perhaps late: it must not touch what loops write.
  template <class F>
  void together(F&& f) {
    run_program([](void* data, int worker) { (*static_cast<std::remove_reference_t<F>*>(data))(worker); }, &f);
  }

 private:
  void run_program(Program program, void* data);
  void revive();
  struct State;
  void start(int threads, bool pin);
  std::unique_ptr<State> state_;
};

}  // namespace wudao
