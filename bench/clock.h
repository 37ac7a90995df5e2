// Processor time of one-threaded runs (other work on the machine disturbs it little), wall time of the others.
#pragma once

#include <time.h>

#include <algorithm>

namespace bench {

inline double seconds(int threads) {
  timespec now;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The fastest of `runs`, after one to warm up.
template <class F>
double fastest(int runs, int threads, F&& f) {
  f();
  double best = 1e9;
  for (int run = 0; run < runs; ++run) {
    const double start = seconds(threads);
    f();
    best = std::min(best, seconds(threads) - start);
  }
  return best;
}

}  // namespace bench
