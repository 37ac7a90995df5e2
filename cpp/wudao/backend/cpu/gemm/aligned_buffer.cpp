#include "wudao/backend/cpu/gemm/aligned_buffer.h"

#include <cstdlib>

#include "wudao/base/error.h"

namespace wudao::cpu::gemm {

AlignedBuffer::AlignedBuffer(std::size_t bytes) : data_(std::aligned_alloc(64, (bytes / 64 + 1) * 64)) {
  if (data_ == nullptr) {
    throw OutOfMemory(text("matmul: packed weights: could not get ", bytes, " bytes. Use a smaller model."));
  }
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

}  // namespace wudao::cpu::gemm
