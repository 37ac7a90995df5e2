// Memory of packed matrices: 64-byte aligned, kept until its owner goes.
#pragma once

#include <cstddef>

#include "wudao/tensor/packed.h"

namespace wudao::cpu::gemm {

class AlignedBuffer {
 public:
  // Throws OutOfMemory.
  explicit AlignedBuffer(std::size_t bytes, const PackedMemory& from = {});
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  void* data() const { return data_; }

 private:
  std::size_t bytes_;
  PackedMemory from_;
  void* data_;
};

}  // namespace wudao::cpu::gemm
