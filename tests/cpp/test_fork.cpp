// Python forks: the child has lost its workers, gets new ones and exits.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "check.h"
#include "wudao/base/thread_pool.h"

TEST(thread_pool_survives_a_fork) {
  auto pool = std::make_unique<wudao::ThreadPool>(4);
  std::atomic<int> before{0};
  pool->for_each(10, [&](std::int64_t, int) { ++before; });
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a hang ends as a failure
    std::atomic<int> count{0};
    for (int round = 0; round < 100; ++round) pool->for_each(10, [&](std::int64_t, int) { ++count; });
    pool.reset();
    _exit(count == 1000 ? 0 : 1);
  }
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
