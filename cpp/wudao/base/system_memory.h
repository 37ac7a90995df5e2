// Memory from the system.
#pragma once

#include <cstddef>

namespace wudao {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// At least 64-byte aligned, contents undefined; null if there is none. Blocks of a huge page and more begin on one, and
// their whole huge pages are asked for as such: a first touch then costs one fault for 512 pages. To be freed by std::free.
void* allocate_system_memory(std::size_t bytes);

}  // namespace wudao
