// Loops on the thread pool. Tasks are numbered by the problem alone, never by the thread count.
#pragma once

#include <cstdint>

#include "wudao/base/philox.h"
#include "wudao/base/thread_pool.h"

namespace wudao::WUDAO_ISA {

// Values at work in one task: enough to pay for its start, few enough for balance.
inline constexpr std::int64_t kTaskValues = 16384;

template <class F>
void call_task(void* f, std::int64_t task, int) {
  (*static_cast<F*>(f))(task);
}

// Calls f(task) for task = 0 .. tasks - 1.
template <class F>
WUDAO_INLINE void parallel_for(ThreadPool* pool, std::int64_t tasks, F f) {
  pool->run(tasks, &call_task<F>, &f);
}

// Calls f(begin, end) for the pieces [0, chunk), [chunk, 2 chunk), ... of [0, size).
template <class F>
WUDAO_INLINE void parallel_chunks(ThreadPool* pool, std::int64_t size, std::int64_t chunk, F f) {
  parallel_for(pool, (size + chunk - 1) / chunk, [&](std::int64_t task) {
    const std::int64_t begin = task * chunk;
    f(begin, size - begin < chunk ? size : begin + chunk);
  });
}

// Calls f(row) for every row of a matrix of `cols` columns.
template <class F>
WUDAO_INLINE void parallel_rows(ThreadPool* pool, std::int64_t rows, std::int64_t cols, F f) {
  parallel_chunks(pool, rows, cols < kTaskValues ? kTaskValues / (cols + 1) + 1 : 1,
                  [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t row = begin; row < end; ++row) f(row);
                  });
}

}  // namespace wudao::WUDAO_ISA
