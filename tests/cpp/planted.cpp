#include "planted.h"

#include <limits>
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

void race() {
  int shared = 0;
  wudao::ThreadPool pool(4);
  for (int round = 0; round < 100; ++round) {
    pool.for_each(64, [&](std::int64_t task, int) { shared += static_cast<int>(task); });
  }
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
