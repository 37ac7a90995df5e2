// Waiting for another thread without falling asleep.
#pragma once

#include <chrono>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wudao {

inline void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
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

}  // namespace wudao
