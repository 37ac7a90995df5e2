// Python forks: the child has lost its workers, gets new ones and exits.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "check.h"
#include "wudao/base/thread_pool.h"

namespace {

constexpr int kThreads = 4;

// Each task waits for the others, so every worker has come: all of them have started.
void meet(wudao::ThreadPool& pool) {
  std::atomic<int> here{0};
  pool.for_each(kThreads, [&](std::int64_t, int) {
    ++here;
    while (here < kThreads) std::this_thread::yield();
  });
}

[[noreturn]] void compute_in_child(std::unique_ptr<wudao::ThreadPool>& pool) {
  alarm(20);  // a hang ends as a failure
  std::atomic<int> count{0};
  for (int round = 0; round < 100; ++round) pool->for_each(10, [&](std::int64_t, int) { ++count; });
  pool.reset();
  _exit(count == 1000 ? 0 : 1);
}

std::string ending(int status) {
  if (WIFEXITED(status)) return "exited with " + std::to_string(WEXITSTATUS(status));
  if (!WIFSIGNALED(status)) return "status " + std::to_string(status);
  return "killed by signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
}

std::string ending_of_child(std::unique_ptr<wudao::ThreadPool>& pool) {
  const pid_t child = fork();
  if (child == 0) compute_in_child(pool);
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  return ending(status);
}

}  // namespace

TEST(thread_pool_at_work_survives_a_fork) {
  auto pool = std::make_unique<wudao::ThreadPool>(kThreads);
  meet(*pool);
  CHECK_EQUAL(ending_of_child(pool), "exited with 0");
}

// The workers may be anywhere on their way into life. A sanitizer allocates on that way, under locks of its own, and
// GCC's does not take them around a fork as the C library takes malloc's: a child of such a moment waits for ever.
TEST(thread_pool_at_its_start_survives_a_fork) {
  for (int round = 0; round < 20; ++round) {
    auto pool = std::make_unique<wudao::ThreadPool>(kThreads);
    CHECK_EQUAL(ending_of_child(pool), "exited with 0");
  }
}
