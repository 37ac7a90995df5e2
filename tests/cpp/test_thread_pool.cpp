#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "wudao/base/error.h"
#include "wudao/base/thread_pool.h"

using wudao::ThreadPool;

namespace {

void run_each_task_once(int threads) {
  ThreadPool pool(threads);
  for (int tasks : {0, 1, 2, threads, 1000}) {
    std::vector<std::atomic<int>> count(static_cast<std::size_t>(tasks));
    std::atomic<bool> strange_worker{false};
    pool.for_each(tasks, [&](std::int64_t task, int worker) {
      ++count[static_cast<std::size_t>(task)];
      if (worker < 0 || worker >= threads) strange_worker = true;
    });
    CHECK(!strange_worker);
    for (const std::atomic<int>& c : count) CHECK_EQUAL(c.load(), 1);
  }
}

// No two tasks at work may have the same worker number: scratch memory is kept by worker.
void check_workers_are_exclusive(int threads) {
  ThreadPool pool(threads);
  std::vector<std::atomic<int>> busy(static_cast<std::size_t>(threads));
  std::atomic<int> clashes{0};
  pool.for_each(2000, [&](std::int64_t, int worker) {
    if (++busy[static_cast<std::size_t>(worker)] != 1) ++clashes;
    std::this_thread::yield();
    --busy[static_cast<std::size_t>(worker)];
  });
  CHECK_EQUAL(clashes.load(), 0);
}

}  // namespace

TEST(thread_pool_runs_each_task_once) {
  for (int threads = 1; threads <= 8; ++threads) run_each_task_once(threads);
}

TEST(thread_pool_workers_are_exclusive) {
  for (int threads = 1; threads <= 8; ++threads) check_workers_are_exclusive(threads);
}

TEST(thread_pool_regions_do_not_mix) {
  ThreadPool pool(4);
  for (int round = 0; round < 5000; ++round) {
    const std::int64_t tasks = 1 + round % 7;
    std::array<std::int64_t, 8> seen{};
    pool.for_each(tasks, [&](std::int64_t task, int) { seen[static_cast<std::size_t>(task)] = task + round + 1; });
    for (std::int64_t task = 0; task < tasks; ++task) CHECK_EQUAL(seen[static_cast<std::size_t>(task)], task + round + 1);
  }
}

TEST(thread_pool_wakes_sleeping_workers) {
  ThreadPool pool(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::atomic<int> met{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  // Both tasks wait for each other, so the second thread must come.
  pool.for_each(2, [&](std::int64_t, int) {
    ++met;
    while (met < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  CHECK_EQUAL(met.load(), 2);
  CHECK(std::chrono::steady_clock::now() < end);
}

TEST(thread_pool_carries_out_the_failure_of_the_lowest_task) {
  for (int threads = 1; threads <= 8; ++threads) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      const std::string message = MESSAGE_OF(wudao::ShapeError, pool.for_each(100, [](std::int64_t task, int) {
        if (task % 10 == 7) throw wudao::ShapeError(wudao::text("task ", task));
      }));
      CHECK_EQUAL(message, "task 7");
    }
    std::atomic<int> count{0};
    pool.for_each(10, [&](std::int64_t, int) { ++count; });
    CHECK_EQUAL(count.load(), 10);
  }
}

TEST(thread_pool_runs_nested_tasks_on_the_spot) {
  ThreadPool pool(4);
  std::atomic<int> count{0}, moved{0};
  pool.for_each(8, [&](std::int64_t, int outer) {
    const std::thread::id here = std::this_thread::get_id();
    pool.for_each(8, [&](std::int64_t, int inner) {
      ++count;
      if (inner != outer || std::this_thread::get_id() != here) ++moved;
    });
  });
  CHECK_EQUAL(count.load(), 64);
  CHECK_EQUAL(moved.load(), 0);
}

TEST(thread_pool_carries_out_a_nested_failure) {
  ThreadPool pool(2);
  const std::string message = MESSAGE_OF(wudao::Error, pool.for_each(4, [&](std::int64_t, int) {
    pool.for_each(3, [](std::int64_t task, int) {
      if (task == 2) throw wudao::Error("inner");
    });
  }));
  CHECK_EQUAL(message, "inner");
}

TEST(thread_pool_lets_callers_take_turns) {
  ThreadPool pool(3);
  std::atomic<int> wrong{0};
  const auto caller = [&] {
    for (int round = 0; round < 300; ++round) {
      std::array<int, 16> mine{};
      pool.for_each(16, [&](std::int64_t task, int) { mine[static_cast<std::size_t>(task)] = 1; });
      for (const int m : mine) wrong += m != 1;
    }
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) callers.emplace_back(caller);
  for (std::thread& thread : callers) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}

TEST(thread_pool_is_usable_from_inside_another) {
  ThreadPool outer(2), inner(2);
  std::atomic<int> count{0};
  outer.for_each(4, [&](std::int64_t, int) { inner.for_each(4, [&](std::int64_t, int) { ++count; }); });
  CHECK_EQUAL(count.load(), 16);
}

TEST(thread_pool_refuses_strange_sizes) {
  CHECK_EQUAL(MESSAGE_OF(wudao::ConfigError, ThreadPool(0)), "threads: count: expected 1 to 1024, got 0.");
  CHECK_EQUAL(ThreadPool(3).size(), 3);
  CHECK(ThreadPool(2, true).pinned());
}

TEST(thread_pool_programs_share_their_loops) {
  for (int threads = 1; threads <= 8; ++threads) {
    ThreadPool pool(threads);
    for (int round = 0; round < 200; ++round) {
      std::vector<std::int64_t> value(64, 0);
      // Each loop reads what the one before has written, all of it.
      pool.together([&](int) {
        for (int loop = 0; loop < 20; ++loop) {
          const std::int64_t tasks = 1 + (loop * 7 + round) % 64;
          std::vector<std::int64_t>* const values = &value;
          pool.for_each(tasks, [=](std::int64_t task, int) {
            auto& mine = (*values)[static_cast<std::size_t>(task)];
            mine = loop == 0 ? 1 : mine + 1;
          });
          pool.for_each(1, [=](std::int64_t, int) {
            for (std::int64_t i = 0; i < 64; ++i) {
              if (i >= tasks) ++(*values)[static_cast<std::size_t>(i)];
            }
          });
        }
      });
      for (const std::int64_t v : value) CHECK_EQUAL(v, 20);
    }
  }
}

TEST(thread_pool_programs_run_on_the_spot_inside_tasks) {
  ThreadPool pool(4);
  std::atomic<int> runs{0}, tasks{0};
  pool.for_each(6, [&](std::int64_t, int) {
    pool.together([&](int) {
      ++runs;
      pool.for_each(5, [&](std::int64_t, int) { ++tasks; });
    });
  });
  CHECK_EQUAL(runs.load(), 6);
  CHECK_EQUAL(tasks.load(), 30);
}

TEST(thread_pool_tasks_of_a_program_run_their_own_loops) {
  ThreadPool pool(3);
  std::atomic<int> inner{0};
  pool.together([&](int) {
    for (int loop = 0; loop < 10; ++loop) {
      pool.for_each(4, [&](std::int64_t, int) { pool.for_each(3, [&](std::int64_t, int) { ++inner; }); });
    }
  });
  CHECK_EQUAL(inner.load(), 120);
}

TEST(thread_pool_programs_end_after_a_failure) {
  for (int threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    std::atomic<int> after{0};
    std::string caught;
    try {
      pool.together([&](int) {
        pool.for_each(8, [&](std::int64_t task, int) {
          if (task == 5) throw std::runtime_error("task 5");
        });
        pool.for_each(8, [&](std::int64_t, int) { ++after; });
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    CHECK_EQUAL(caught, std::string("task 5"));
    CHECK_EQUAL(after.load(), 0);
    std::atomic<int> count{0};
    pool.for_each(8, [&](std::int64_t, int) { ++count; });
    CHECK_EQUAL(count.load(), 8);
  }
}
