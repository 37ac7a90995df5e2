// Memory of packed matrices: 64-byte aligned, kept until its owner goes.
#pragma once

#include <cstddef>

namespace wudao::cpu::gemm {

class AlignedBuffer {
 public:
  // Throws OutOfMemory.
  explicit AlignedBuffer(std::size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  void* data() const { return data_; }

 private:
  void* data_;
};

}  // namespace wudao::cpu::gemm
