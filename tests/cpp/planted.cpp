#include "planted.h"

#include <atomic>
#include <limits>
#include <thread>
#include <vector>

#include "wudao/base/thread_pool.h"

namespace {

volatile int sink = 0;

void overflow() {
  const std::vector<int> values(8, 1);
  volatile int index = 8;
  sink = values.data()[index];
}

void undefined() {
  volatile int largest = std::numeric_limits<int>::max();
  sink = largest + 1;
}

// Both tasks are under way before either writes: the two threads meet however busy the machine is. Relaxed atomics order
// nothing, so the meeting does not hide the race.
void race() {
  int shared = 0;
  std::atomic<int> here = 0;
  wudao::ThreadPool pool(2);
  pool.for_each(2, [&](std::int64_t, int) {
    here.fetch_add(1, std::memory_order_relaxed);
    while (here.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
    ++shared;
  });
  sink = shared;
}

}  // namespace

bool plant(std::string_view fault) {
  if (fault == "overflow") overflow();
  else if (fault == "undefined") undefined();
  else if (fault == "race") race();
  else return false;
  return true;
}
