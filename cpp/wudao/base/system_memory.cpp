#include "wudao/base/system_memory.h"

#include <algorithm>
#include <cstdlib>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace wudao {

void* allocate_system_memory(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  // Not std::aligned_alloc: it wants a whole number of alignments, and what is behind the last byte would be touched in vain.
  void* block = nullptr;
  if (posix_memalign(&block, alignment, std::max<std::size_t>(1, bytes)) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  // Only a hint; a kernel without huge pages refuses and nothing is lost.
  if (bytes >= kHugePage && block != nullptr) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace wudao
