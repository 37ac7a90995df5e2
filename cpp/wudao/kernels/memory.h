// Arguments of the kernel that does nothing but read: the roof of whatever is bound by memory.
#pragma once

#include <cstdint>

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// Reads `bytes` (a multiple of tasks * 1024) from a 64-byte boundary, as `tasks` pieces of four streams each;
// sums[task] gets the sum of the 32-bit words, so that the reads cannot be left out.
struct ReadMemory {
  const void* data;
  std::int64_t bytes;
  std::int64_t tasks;
  std::uint32_t* sums;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
