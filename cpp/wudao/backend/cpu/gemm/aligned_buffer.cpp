#include "wudao/backend/cpu/gemm/aligned_buffer.h"

#include <cstdlib>

#include "wudao/base/error.h"
#include "wudao/base/system_memory.h"

namespace wudao::cpu::gemm {

AlignedBuffer::AlignedBuffer(std::size_t bytes, const PackedMemory& from)
    : bytes_(bytes),
      from_(from),
      data_(from.allocate != nullptr ? from.allocate(from.arena, bytes) : allocate_system_memory(bytes)) {
  if (data_ == nullptr) {
    throw OutOfMemory(text("matmul: packed weights: could not get ", bytes, " bytes. Use a smaller model."));
  }
}

AlignedBuffer::~AlignedBuffer() {
  if (from_.release != nullptr) {
    from_.release(from_.arena, data_, bytes_);
  } else {
    std::free(data_);
  }
}

}  // namespace wudao::cpu::gemm
