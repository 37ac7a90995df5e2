#include "wudao/base/system_memory.h"

#include <algorithm>
#include <cstdlib>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace wudao {

void* allocate_system_memory(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  // A whole number of 64-byte lines, not of huge pages: what is behind the last whole one would be touched in vain.
  void* block = std::aligned_alloc(alignment, std::max<std::size_t>(1, (bytes + 63) / 64) * 64);
#ifdef MADV_HUGEPAGE
  // Only a hint; a kernel without huge pages refuses and nothing is lost.
  if (bytes >= kHugePage && block != nullptr) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace wudao
