// Memory for the products: 64-byte aligned, grown on demand and kept, so that a steady state allocates nothing.
#pragma once

#include <cstddef>

namespace wudao::cpu::gemm {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes) { reserve(bytes); }
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  // At least `bytes` bytes; what was there before is lost when it grows. Throws OutOfMemory.
  void* reserve(std::size_t bytes);
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// What a buffer of the calling thread is used for; each use has its own.
enum class Use { kWidenedA, kWidenedB, kRowsA, kRowsB, kRowsC, kLibrary, kPlain, kCount };

// The calling thread's buffer for `use`.
void* thread_buffer(Use use, std::size_t bytes);

}  // namespace wudao::cpu::gemm
