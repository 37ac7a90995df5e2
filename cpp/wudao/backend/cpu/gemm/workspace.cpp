#include "wudao/backend/cpu/gemm/workspace.h"

#include <cstdlib>

#include "wudao/base/error.h"

namespace wudao::cpu::gemm {

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

void* AlignedBuffer::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  std::free(data_);
  bytes_ = (bytes + 63) / 64 * 64;
  data_ = std::aligned_alloc(64, bytes_);
  if (data_ == nullptr) {
    const std::size_t wanted = bytes_;
    bytes_ = 0;
    throw OutOfMemory(text("matmul: work space: could not get ", wanted, " bytes. Use smaller batches or a smaller model."));
  }
  return data_;
}

void* thread_buffer(Use use, std::size_t bytes) {
  static thread_local AlignedBuffer buffers[static_cast<int>(Use::kCount)];
  return buffers[static_cast<int>(use)].reserve(bytes);
}

}  // namespace wudao::cpu::gemm
