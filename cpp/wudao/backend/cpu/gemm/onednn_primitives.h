// oneDNN's primitives for the calling thread: made on first use, kept by shape, run on this thread alone.
#pragma once

#include <omp.h>

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/base/cpu_level.h"
#include "wudao/base/error.h"

namespace wudao::cpu::gemm::onednn {

// While it lives the library makes and runs one-threaded primitives on this thread. The number of threads that others
// in the process asked of OpenMP is put back.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// Runs f and turns oneDNN's errors into ours.
template <class F>
void guarded(F&& f) {
  try {
    f();
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_out_of_memory)
      throw OutOfMemory("matmul: work space: oneDNN is out of memory. Use smaller batches.");
    throw InternalError(
        text("matmul: oneDNN ", e.what(), " (status ", int{e.status}, "). Set WUDAO_MATMUL=plain and report this."));
  }
}

// A first factor without gaps, by rows or by columns.
struct First {
  const void* data;
  DType dtype;
  std::int64_t rows, cols;
  bool by_rows;
};

// A second factor of the same type, without gaps.
struct Second {
  const void* data;
  std::int64_t cols;
  bool by_rows;
};

// Limits the library to what `level` has; ConfigError when it is too late for that.
void cap_instruction_set(CpuLevel level);

// C = A B for a few rows of A; C is row-major without gaps.
void matmul(const First& a, const Second& b, float* c);

// Library version and the name of the kernel that it picks for `dtype`.
std::string description(DType dtype);

}  // namespace wudao::cpu::gemm::onednn
